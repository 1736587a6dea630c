"""Certificates for tests, made by the openssl program: an authority, and what it signs."""
from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re
import ssl
import subprocess

RSA = ["-newkey", "rsa:2048", "-nodes"]
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*arguments: str, cwd: pathlib.Path | None = None, given: bytes = b"", check: bool = True) -> str:
    """What it prints, errors included."""
    done = subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=cwd, timeout=60, check=False)
    text = done.stdout.decode(errors="replace")
    assert not check or done.returncode == 0, (arguments, text)
    return text


@dataclasses.dataclass
class Issued:
    certificate: pathlib.Path
    key: pathlib.Path

    def plan(self, **more: str) -> dict[str, str]:
        return {"certificate": str(self.certificate), "key": str(self.key), **more}

    def put_over(self, other: "Issued") -> None:
        """Replaces the other's files, each at once."""
        for mine, theirs in ((self.certificate, other.certificate), (self.key, other.key)):
            fresh = theirs.with_suffix(".new")
            fresh.write_bytes(mine.read_bytes())
            fresh.replace(theirs)


class Authority:
    def __init__(self, directory: pathlib.Path, name: str = "Weir Test CA"):
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self.key = directory / "ca.key"
        self._count = 0
        openssl("req", "-x509", *_NEW_KEY, "-keyout", str(self.key), "-out", str(self.certificate), "-days", "30",
                "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def _next(self) -> Issued:
        self._count += 1
        stem = self.directory / f"{self._count}"
        return Issued(stem.with_suffix(".pem"), stem.with_suffix(".key"))

    def issue(self, *names: str, subject: str = "", key: list[str] | None = None) -> Issued:
        """For these names or addresses; the first is the subject's common name unless one is given. Its key is ECDSA's
        unless another is asked for."""
        issued = self._next()
        kinds = [("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names]
        extension = ["-addext", "subjectAltName=" + ",".join(kinds)] if kinds else []
        openssl("req", "-x509", *(key or _NEW_KEY), "-CA", str(self.certificate), "-CAkey", str(self.key), "-keyout",
                str(issued.key), "-out", str(issued.certificate), "-days", "30", "-subj", subject or f"/CN={names[0]}",
                "-addext", "basicConstraints=critical,CA:FALSE", *extension)
        return issued

    def issue_between(self, name: str, first_day: float, last_day: float) -> Issued:
        """For a time that begins and ends so many days from now."""
        issued = self._next()
        request = issued.certificate.with_suffix(".csr")
        openssl("req", "-new", *_NEW_KEY, "-keyout", str(issued.key), "-out", str(request), "-subj", f"/CN={name}")
        database, extensions = self.directory / "issued.txt", self.directory / "extensions.txt"
        database.write_text("")
        extensions.write_text(f"basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:{name}\n")
        settings = self.directory / "ca.cnf"
        settings.write_text(f"[ca]\ndefault_ca=a\n[a]\ndatabase={database}\nnew_certs_dir={self.directory}\n"
                            "default_md=sha256\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\n")
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = ((now + datetime.timedelta(days=day)).strftime("%Y%m%d%H%M%SZ") for day in (first_day, last_day))
        openssl("ca", "-batch", "-config", str(settings), "-cert", str(self.certificate), "-keyfile", str(self.key), "-in",
                str(request), "-out", str(issued.certificate), "-startdate", begin, "-enddate", end, "-notext",
                "-extfile", str(extensions))
        return issued

    def ocsp_response(self, issued: Issued) -> pathlib.Path:
        """Says that the certificate is good."""
        serial = openssl("x509", "-in", str(issued.certificate), "-noout", "-serial").strip().partition("=")[2]
        (self.directory / "index.txt").write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=any\n")
        response = issued.certificate.with_suffix(".ocsp")
        openssl("ocsp", "-index", str(self.directory / "index.txt"), "-CA", str(self.certificate), "-rsigner",
                str(self.certificate), "-rkey", str(self.key), "-issuer", str(self.certificate), "-cert",
                str(issued.certificate), "-respout", str(response), "-ndays", "7", "-noverify")
        return response

    def outdated_response(self, issued: Issued) -> pathlib.Path:
        """One whose times are long past. Its signature is none any more."""
        response = self.ocsp_response(issued)
        response.write_bytes(re.sub(rb"\x18\x0f\d{4}", b"\x18\x0f2021", response.read_bytes()))
        return response

    def server(self, issued: Issued, *, ask: bool = False) -> ssl.SSLContext:
        """An origin's context; it asks for certificates of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if ask:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, *, certificate: Issued | None = None, alpn: list[str] | None = None) -> ssl.SSLContext:
        """A context that believes this authority alone."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        if alpn is not None:
            context.set_alpn_protocols(alpn)
        return context
