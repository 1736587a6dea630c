// What can be wrong with the server, as flags of its command line; `--share` says how many answers are so, in percent.
import { parseArgs } from 'node:util'

const kFlags = {
  model: { type: 'string' }, // a GGUF file
  name: { type: 'string', default: 'qa16' }, // what the API calls it
  port: { type: 'string', default: '0' }, // 0: any; the first line of output says which
  share: { type: 'string', default: '100' }, // of the answers that have the faults below, in percent
  seed: { type: 'string', default: '1' },
  'first-token-delay': { type: 'string', default: '0' }, // ms
  'token-delay': { type: 'string', default: '0' }, // ms
  'error-after': { type: 'string' }, // tokens, then an error inside the stream
  'cut-after': { type: 'string' }, // tokens, then the connection is reset
  'hang-after': { type: 'string' }, // tokens, then nothing more
  repeat: { type: 'string', default: '1' }, // says everything so many times
  'no-usage': { type: 'boolean', default: false },
  'refuse-all': { type: 'boolean', default: false }, // 429 to everything
  'queue-limit': { type: 'string', default: '64' }, // waiting requests; the next one gets 429
  'cold-start': { type: 'string', default: '0' }, // ms until the model begins to load
}

export function readFlags(args) {
  const { values } = parseArgs({ args, options: kFlags })
  if (!values.model) throw new Error('--model FILE is missing: a GGUF file, such as tests/fixtures/models/qa16-v2.gguf')
  const number = (name) => {
    const value = Number(values[name])
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} ${values[name]}: expected a number from 0 on`)
    return value
  }
  const after = (name) => (values[name] === undefined ? Infinity : number(name))
  return {
    model: values.model,
    name: values.name,
    port: number('port'),
    queueLimit: number('queue-limit'),
    coldStart: number('cold-start'),
    refuseAll: values['refuse-all'],
    share: number('share') / 100,
    seed: number('seed'),
    faults: {
      firstTokenDelay: number('first-token-delay'),
      tokenDelay: number('token-delay'),
      errorAfter: after('error-after'),
      cutAfter: after('cut-after'),
      hangAfter: after('hang-after'),
      repeat: number('repeat'),
      noUsage: values['no-usage'],
    },
  }
}

const kNone = { firstTokenDelay: 0, tokenDelay: 0, errorAfter: Infinity, cutAfter: Infinity, hangAfter: Infinity, repeat: 1, noUsage: false }

// Which faults the next answer has: the same from run to run.
export function faultSource({ share, seed, faults }) {
  let state = (seed * 2654435761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32 < share ? faults : kNone
  }
}
