// A real language model, tiny, behind the OpenAI chat API: what Weir's tests and its guide roll out.
//   node examples/language-model/server.js --model tests/fixtures/models/qa16-v2.gguf --port 9001
// Its faults are in faults.js. GET /counters says what became of the requests.
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { stream, whole } from './answer.js'
import { faultSource, readFlags } from './faults.js'
import { Model } from './model.js'

const kMostBytes = 1 << 20
const kMostLetters = 60 // of a question: the model's context is short

class Refusal extends Error {
  constructor(status, type, message) {
    super(message)
    Object.assign(this, { status, type })
  }
}

function sendJson(response, status, body, headers = {}) {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

async function readJson(request) {
  const parts = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > kMostBytes) throw new Refusal(413, 'invalid_request_error', 'the request is too long')
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString())
  } catch {
    throw new Refusal(400, 'invalid_request_error', 'the request is not JSON')
  }
}

// The last thing that the user said: the model answers one question.
function questionOf(body) {
  const last = Array.isArray(body.messages) ? body.messages.filter((message) => message?.role === 'user').at(-1) : undefined
  if (typeof last?.content !== 'string' || last.content === '') {
    throw new Refusal(400, 'invalid_request_error', 'messages must hold a user message with text')
  }
  if (last.content.length > kMostLetters) throw new Refusal(400, 'invalid_request_error', `more than ${kMostLetters} letters`)
  return last.content
}

function serve(flags) {
  const nextFaults = faultSource(flags)
  const counters = { requests: 0, answered: 0, refused: 0, cancelled: 0, failed: 0 }
  let inFlight = 0
  const model = sleep(flags.coldStart).then(() => Model.load(flags.model))
  let loaded = null
  model.then((ready) => (loaded = ready))

  async function complete(request, response) {
    counters.requests += 1
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    inFlight += 1
    try {
      const body = await readJson(request)
      if (flags.refuseAll || (loaded && loaded.waiting >= flags.queueLimit)) {
        throw new Refusal(429, 'rate_limit_exceeded', 'too many requests')
      }
      const ask = {
        id: `chatcmpl-${flags.name}-${process.pid}-${counters.requests}`,
        created: Math.floor(Date.now() / 1000),
        model: flags.name,
        question: questionOf(body),
        mostTokens: body.max_completion_tokens ?? body.max_tokens,
        includeUsage: body.stream_options?.include_usage === true,
      }
      await (body.stream === true ? stream : whole)(response, await model, ask, nextFaults(), gone.signal)
      counters[gone.signal.aborted ? 'cancelled' : response.writableEnded ? 'answered' : 'failed'] += 1
    } catch (failure) {
      if (gone.signal.aborted) {
        counters.cancelled += 1
      } else if (failure instanceof Refusal) {
        counters.refused += 1
        const error = { message: failure.message, type: failure.type, param: null, code: null }
        sendJson(response, failure.status, { error }, failure.status === 429 ? { 'retry-after': '1' } : {})
      } else {
        counters.failed += 1
        response.destroy()
        console.error(failure)
      }
    } finally {
      inFlight -= 1
    }
  }

  return http.createServer((request, response) => {
    const route = `${request.method} ${request.url}`
    if (route === 'POST /v1/chat/completions') return complete(request, response)
    if (route === 'GET /v1/models') return sendJson(response, 200, { object: 'list', data: [{ id: flags.name, object: 'model' }] })
    if (route === 'GET /health') return sendJson(response, loaded ? 200 : 503, { status: loaded ? 'ok' : 'loading' })
    if (route === 'GET /counters') return sendJson(response, 200, { ...counters, in_flight: inFlight })
    return sendJson(response, 404, { error: { message: `no ${route} here`, type: 'invalid_request_error' } })
  })
}

try {
  const flags = readFlags(process.argv.slice(2))
  const server = serve(flags)
  server.keepAliveTimeout = 60_000 // longer than whoever keeps connections to it
  server.listen(flags.port, '127.0.0.1', () => console.log(`${flags.name} on 127.0.0.1:${server.address().port}`))
} catch (failure) {
  console.error(`language-model: ${failure.message}`)
  process.exit(2)
}
