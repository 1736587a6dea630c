// One answer of the OpenAI chat API: tokens as they come, paced and broken off as its faults say, as a stream or whole.
import { setTimeout as sleep } from 'node:timers/promises'

const kHead = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }

// What the model says, in the order of its tokens, while it says it.
class Tokens {
  #ready = []
  #wake = () => {}
  #ended = false
  usage = { promptTokens: 0, completionTokens: 0 }
  finishReason = 'stop'

  push(token) {
    this.#ready.push(token)
    this.#wake()
  }
  end() {
    this.#ended = true
    this.#wake()
  }
  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#ready.length > 0) yield this.#ready.shift()
      if (this.#ended) return
      await new Promise((resolve) => (this.#wake = resolve))
    }
  }
}

// Lets the model speak; the first failure of it ends the tokens.
function generate(model, ask, faults, signal) {
  const tokens = new Tokens()
  const speak = async () => {
    for (let round = 0; round < faults.repeat; round += 1) {
      const result = await model.answer(ask.question, ask.mostTokens, signal, (token) => tokens.push(token))
      if (result === null) return
      tokens.usage.promptTokens = result.promptTokens
      tokens.usage.completionTokens += result.completionTokens
      tokens.finishReason = result.finishReason
    }
  }
  tokens.whole = speak().finally(() => tokens.end())
  return tokens
}

// Yields what the client is to get; breaks off by what it throws.
class BrokenOff extends Error {}
async function* paced(tokens, faults, signal) {
  let said = 0
  if (faults.firstTokenDelay > 0) await sleep(faults.firstTokenDelay, undefined, { signal })
  for await (const token of tokens) {
    for (const [after, how] of [[faults.errorAfter, 'error'], [faults.cutAfter, 'cut'], [faults.hangAfter, 'hang']]) {
      if (said >= after) throw new BrokenOff(how)
    }
    if (said > 0 && faults.tokenDelay > 0) await sleep(faults.tokenDelay, undefined, { signal })
    yield token
    said += 1
  }
}

const usageOf = ({ promptTokens, completionTokens }) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
})

const crashed = { error: { message: 'the model crashed', type: 'server_error', param: null, code: null } }
const hang = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))

export async function stream(response, model, ask, faults, signal) {
  const common = { id: ask.id, object: 'chat.completion.chunk', created: ask.created, model: ask.model }
  const event = (data) => response.write(`data: ${JSON.stringify(data)}\n\n`)
  const chunk = (delta, finish = null) => event({ ...common, choices: [{ index: 0, delta, finish_reason: finish }] })
  const tokens = generate(model, ask, faults, signal)
  response.writeHead(200, kHead)
  chunk({ role: 'assistant', content: '' })
  try {
    for await (const token of paced(tokens, faults, signal)) chunk({ content: token })
    await tokens.whole
  } catch (failure) {
    if (!(failure instanceof BrokenOff)) throw failure
    if (failure.message === 'cut') return response.destroy()
    if (failure.message === 'hang') return hang(signal)
    event(crashed)
    return response.end()
  }
  chunk({}, tokens.finishReason)
  if (ask.includeUsage && !faults.noUsage) event({ ...common, choices: [], usage: usageOf(tokens.usage) })
  response.end('data: [DONE]\n\n')
}

export async function whole(response, model, ask, faults, signal) {
  const tokens = generate(model, ask, faults, signal)
  let content = ''
  const send = (status, body) => {
    const text = JSON.stringify(body)
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(text)
  }
  try {
    for await (const token of paced(tokens, faults, signal)) content += token
    await tokens.whole
  } catch (failure) {
    if (!(failure instanceof BrokenOff)) throw failure
    if (failure.message === 'cut') return response.destroy()
    if (failure.message === 'hang') return hang(signal)
    return send(500, crashed)
  }
  send(200, {
    id: ask.id,
    object: 'chat.completion',
    created: ask.created,
    model: ask.model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: tokens.finishReason }],
    ...(faults.noUsage ? {} : { usage: usageOf(tokens.usage) }),
  })
}
