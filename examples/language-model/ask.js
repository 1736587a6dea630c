// Users who ask the model questions, as streams, and know the answers. A line every five seconds says what each version made
// of its share: answers, how many of them right, and failures.
//   node examples/language-model/ask.js --url http://127.0.0.1:8080 --rate 20 --users 100 --seconds 3600
import { parseArgs } from 'node:util'

import { questions } from './questions.js'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    rate: { type: 'string', default: '20' }, // requests a second
    users: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '3600' },
  },
})

// The text of a whole stream; null when it broke off, or said that it failed.
async function readStream(response) {
  let rest = ''
  let said = ''
  let whole = false
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split('\n\n')
    rest = events.pop()
    for (const event of events) {
      const data = event.replace(/^data: /, '')
      if (data === '[DONE]') {
        whole = true
        continue
      }
      const chunk = JSON.parse(data)
      if (chunk.error) return null
      said += chunk.choices[0]?.delta?.content ?? ''
    }
  }
  return whole ? said : null
}

const tally = new Map() // by version: { answered, right, failed }

async function ask(number) {
  // Each user asks every question in turn: one who always asked the same would always cost the same, and users so unlike
  // each other tell little about a version.
  const turn = Math.floor(number / Number(values.users))
  const { question, answer } = questions[(number + turn) % questions.length]
  let version = 'no version'
  let said = null
  try {
    const response = await fetch(`${values.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user-id': `user-${number % Number(values.users)}` },
      body: JSON.stringify({
        model: 'qa16',
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: 'user', content: question }],
      }),
    })
    version = response.headers.get('x-weir-version') ?? version
    said = response.ok ? await readStream(response) : null
  } catch {
    // Cut off: it counts as a failure of whoever answered.
  }
  const counts = tally.get(version) ?? { answered: 0, right: 0, failed: 0 }
  tally.set(version, counts)
  counts.answered += 1
  counts.failed += said === null ? 1 : 0
  counts.right += said?.trim() === answer ? 1 : 0
}

const started = Date.now()
let asked = 0
const asking = setInterval(() => {
  for (const due = ((Date.now() - started) / 1000) * Number(values.rate); asked < due; asked += 1) ask(asked)
}, 10)
const telling = setInterval(() => {
  const parts = [...tally].sort().map(([version, { answered, right, failed }]) => `${version} ${answered} answers, ${right} right, ${failed} failed`)
  console.log(`${Math.round((Date.now() - started) / 1000)} s: ${parts.join(' · ')}`)
  tally.clear()
}, 5000)
setTimeout(() => {
  clearInterval(asking)
  clearInterval(telling)
}, Number(values.seconds) * 1000)
