#include "analysis/store/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "analysis/store/hash_of.h"
#include "base/random.h"

namespace weir::analysis {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS rollouts ("
    "  service TEXT NOT NULL, baseline TEXT NOT NULL, candidate TEXT NOT NULL, revision TEXT NOT NULL,"
    "  state TEXT NOT NULL, evidence BLOB NOT NULL, hash INTEGER NOT NULL,"
    "  PRIMARY KEY (service, baseline, candidate, revision)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, record TEXT NOT NULL, hash INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS proof (id INTEGER PRIMARY KEY CHECK (id = 1), starts INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS version ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1), database INTEGER NOT NULL, generation INTEGER NOT NULL);";

std::int64_t row_hash(std::initializer_list<std::string_view> parts) {
  return static_cast<std::int64_t>(hash_of(parts));
}

std::int64_t fresh_id() {
  std::uint64_t id = 0;
  while (id == 0) secure_random_bytes(&id, sizeof(id));
  return static_cast<std::int64_t>(id);
}

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepared() const { return statement_ != nullptr; }
  void text(int at, std::string_view value) {
    sqlite3_bind_text64(statement_, at, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void blob(int at, std::string_view value) {
    // A null pointer would bind NULL, not an empty blob.
    sqlite3_bind_blob64(statement_, at, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
  }
  void integer(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }
  int step() { return sqlite3_step(statement_); }
  std::string column(int at) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, at));
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, at));
    return bytes == nullptr ? std::string() : std::string(bytes, size);
  }
  std::int64_t number(int at) { return sqlite3_column_int64(statement_, at); }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%') {
      uri += "%25";
    } else if (c == '?') {
      uri += "%3f";
    } else if (c == '#') {
      uri += "%23";
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

bool is_damage(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT;
}

// Which file a name means just now; nothing: none.
struct FileId {
  dev_t device = 0;
  ino_t number = 0;

  bool operator==(const FileId&) const = default;
};

std::optional<FileId> id_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return FileId{found.st_dev, found.st_ino};
}

}  // namespace

struct Database::Handle {
  sqlite3* db = nullptr;
  std::optional<FileId> log;  // that the last write went to

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { sqlite3_close(db); }

  int execute(const char* sql) const { return sqlite3_exec(db, sql, nullptr, nullptr, nullptr); }
  std::string message() const { return sqlite3_errmsg(db); }

  std::string log_path() const { return std::string(sqlite3_db_filename(db, "main")) + "-wal"; }

  bool put(const StateWrite& write) const;
  bool put_state(const StateWrite& write) const;
  bool put_record(std::string_view record) const;
  bool forget(std::span<const std::int64_t> records) const;
  bool count_write() const;
  std::optional<bool> empty() const;
  bool read_version(Version& version) const;
};

bool Database::Handle::put(const StateWrite& write) const {
  if (!write.key.service.empty() && !put_state(write)) return false;
  if (!write.record.empty()) return put_record(write.record);
  if (!write.key.service.empty()) return true;
  return execute("INSERT INTO proof VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET starts = starts + 1") == SQLITE_OK;
}

bool Database::Handle::put_state(const StateWrite& write) const {
  Statement upsert(db, "INSERT OR REPLACE INTO rollouts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!upsert.prepared()) return false;
  const RolloutKey& key = write.key;
  upsert.text(1, key.service);
  upsert.text(2, key.baseline);
  upsert.text(3, key.candidate);
  upsert.text(4, key.revision);
  upsert.text(5, write.state);
  upsert.blob(6, write.evidence);
  upsert.integer(7, row_hash({key.service, key.baseline, key.candidate, key.revision, write.state, write.evidence}));
  return upsert.step() == SQLITE_DONE;
}

bool Database::Handle::put_record(std::string_view record) const {
  Statement insert(db, "INSERT INTO records (record, hash) VALUES (?1, ?2)");
  if (!insert.prepared()) return false;
  insert.text(1, record);
  insert.integer(2, row_hash({record}));
  if (insert.step() != SQLITE_DONE) return false;
  Statement forget(db, "DELETE FROM records WHERE id <= (SELECT max(id) FROM records) - ?1");
  if (!forget.prepared()) return false;
  forget.integer(1, static_cast<std::int64_t>(kRecordsKept));
  return forget.step() == SQLITE_DONE;
}

bool Database::Handle::forget(std::span<const std::int64_t> records) const {
  for (const std::int64_t id : records) {
    Statement forget(db, "DELETE FROM records WHERE id = ?1");
    if (!forget.prepared()) return false;
    forget.integer(1, id);
    if (forget.step() != SQLITE_DONE) return false;
  }
  return true;
}

bool Database::Handle::count_write() const {
  Statement count(db,
                  "INSERT INTO version VALUES (1, ?1, 1) ON CONFLICT (id) DO UPDATE SET generation = generation + 1");
  if (!count.prepared()) return false;
  count.integer(1, fresh_id());
  return count.step() == SQLITE_DONE;
}

// Nothing when that cannot be read.
std::optional<bool> Database::Handle::empty() const {
  Statement tables(db, "SELECT count(*) FROM sqlite_master");
  if (!tables.prepared() || tables.step() != SQLITE_ROW) return {};
  return tables.number(0) == 0;
}

bool Database::Handle::read_version(Version& version) const {
  version = {};
  const std::optional<bool> none = empty();
  if (!none) return false;
  version.empty = *none;
  Statement known(db, "SELECT count(*) FROM sqlite_master WHERE name = 'version'");
  if (!known.prepared() || known.step() != SQLITE_ROW) return false;
  if (known.number(0) == 0) return true;
  Statement read(db, "SELECT database, generation FROM version");
  if (!read.prepared()) return false;
  const int code = read.step();
  if (code == SQLITE_DONE) return true;
  if (code != SQLITE_ROW) return false;
  version.database = static_cast<std::uint64_t>(read.number(0));
  version.generation = static_cast<std::uint64_t>(read.number(1));
  return true;
}

Database::Database(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Database::~Database() = default;

Database::OpenResult Database::open(const std::string& path) {
  OpenResult result = open_as(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  std::error_code none;
  const std::uintmax_t log_size = std::filesystem::file_size(path + "-wal", none);
  if (result.database || result.damaged || (!none && log_size > 0)) return result;
  // On a disk that takes no write SQLite cannot make the files that it wants beside this one even to read it. Nobody
  // writes to it, and all that was written is in it, so it can be read without them.
  OpenResult as_it_is = open_as(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  return as_it_is.database ? std::move(as_it_is) : std::move(result);
}

Database::OpenResult Database::open_as(const std::string& path, int flags) {
  auto handle = std::make_unique<Handle>();
  const auto failed = [&](int code) {
    return OpenResult{.database = nullptr, .error = path + ": " + handle->message(), .damaged = is_damage(code)};
  };
  int code = sqlite3_open_v2(path.c_str(), &handle->db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return failed(code);
  sqlite3_extended_result_codes(handle->db, 1);
  // A log that turns out to be damaged must still be there when the file is set aside.
  sqlite3_db_config(handle->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  {
    // Over before what follows: as long as a statement reads, SQLite does not change the journal mode.
    Statement check(handle->db, "PRAGMA quick_check(1)");
    if (!check.prepared()) return failed(sqlite3_extended_errcode(handle->db));
    code = check.step();
    if (code != SQLITE_ROW) return failed(code);
    if (check.column(0) != "ok") return {.database = nullptr, .error = path + ": " + check.column(0), .damaged = true};
  }
  // A file that can be read but not written is still worth reading; its first write will say what is wrong.
  handle->execute("PRAGMA journal_mode=WAL");
  handle->execute("PRAGMA synchronous=FULL");
  return {.database = std::unique_ptr<Database>(new Database(std::move(handle))), .error = {}, .damaged = false};
}

Database::Contents Database::read(std::size_t most_records) {
  Contents contents;
  const auto damaged = [&](std::string what) {
    contents.error = std::move(what);
    contents.damaged = true;
    return contents;
  };
  if (!handle_->read_version(contents.version)) return damaged(handle_->message());
  if (contents.version.empty) return contents;
  Statement rollouts(handle_->db, "SELECT service, baseline, candidate, revision, state, evidence, hash FROM rollouts");
  // What was written has these tables: a statement that finds no such thing has met damage.
  if (!rollouts.prepared()) return damaged(handle_->message());
  int code = SQLITE_DONE;
  while ((code = rollouts.step()) == SQLITE_ROW) {
    StoredRollout stored;
    stored.key = {rollouts.column(0), rollouts.column(1), rollouts.column(2), rollouts.column(3)};
    stored.state = rollouts.column(4);
    stored.evidence = rollouts.column(5);
    const std::int64_t hash = row_hash({stored.key.service, stored.key.baseline, stored.key.candidate,
                                        stored.key.revision, stored.state, stored.evidence});
    if (hash != rollouts.number(6)) return damaged("a saved rollout is not what was written");
    contents.rollouts.push_back(std::move(stored));
  }
  if (code != SQLITE_DONE) return damaged(handle_->message());
  Statement records(handle_->db, "SELECT record, hash FROM records ORDER BY id DESC LIMIT ?1");
  if (!records.prepared()) return damaged(handle_->message());
  records.integer(1, static_cast<std::int64_t>(most_records));
  while ((code = records.step()) == SQLITE_ROW) {
    std::string record = records.column(0);
    if (row_hash({record}) != records.number(1)) return damaged("a decision's record is not what was written");
    contents.records.push_back(std::move(record));
  }
  if (code != SQLITE_DONE) return damaged(handle_->message());
  std::reverse(contents.records.begin(), contents.records.end());
  return contents;
}

bool Database::read_only() const { return sqlite3_db_readonly(handle_->db, "main") == 1; }

bool Database::moved() const {
  int moved = 0;
  return sqlite3_file_control(handle_->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

bool Database::lost_its_log() const { return handle_->log && id_of(handle_->log_path()) != handle_->log; }

Database::Written Database::write(const Batch& batch) {
  Written written;
  sqlite3_db_config(handle_->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (handle_->execute("BEGIN IMMEDIATE") != SQLITE_OK) {
    written.error = handle_->message();
    return written;
  }
  const auto failed = [&] {
    written.error = handle_->message();
    if (written.error.empty()) written.error = "the write failed";
    handle_->execute("ROLLBACK");
    return written;
  };
  if (handle_->execute(kSchema) != SQLITE_OK) return failed();
  for (const StateWrite& write : batch.writes) {
    if (!handle_->put(write)) return failed();
    written.records.push_back(write.record.empty() ? 0 : sqlite3_last_insert_rowid(handle_->db));
  }
  if (!handle_->forget(batch.withdrawn) || !handle_->count_write()) return failed();
  if (!handle_->read_version(written.version)) return failed();
  if (batch.wanted && !batch.wanted()) {
    handle_->execute("ROLLBACK");
    written.unwanted = true;
    return written;
  }
  if (handle_->execute("COMMIT") != SQLITE_OK) return failed();
  written.done = true;
  handle_->log = id_of(handle_->log_path());
  return written;
}

}  // namespace weir::analysis
