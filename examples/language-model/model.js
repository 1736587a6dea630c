// The model: one answer at a time, the others wait their turn.
import { loadModel } from '@fugood/llama.node'

const kContextTokens = 96 // what the models of tests/fixtures were trained on
const kMostTokens = 48
const kFreeAgain_ms = 50

export class Model {
  #path
  #context
  #turn = Promise.resolve()
  waiting = 0

  static async load(path) {
    const model = new Model()
    model.#path = path
    await model.#open()
    return model
  }

  async #open() {
    this.#context = await loadModel({ model: this.#path, n_ctx: kContextTokens, n_threads: 1, n_gpu_layers: 0 })
  }

  // Calls onToken for each token, and gives { promptTokens, completionTokens, finishReason }; null where the signal came
  // before its turn or during it.
  async answer(question, mostTokens, signal, onToken) {
    this.waiting += 1
    const before = this.#turn
    let done
    this.#turn = new Promise((resolve) => (done = resolve))
    try {
      await before
    } finally {
      this.waiting -= 1
    }
    try {
      return signal.aborted ? null : await this.#generate(question, mostTokens, signal, onToken)
    } finally {
      done()
    }
  }

  // The promise of an answer may be kept a moment before the context is free for the next one. Sooner or later llama.node
  // 1.7.15 forgets to free it at all, of short answers on fast processors once in some dozens: then it is opened anew.
  async #complete(options, onToken) {
    const begun = Date.now()
    for (;;) {
      try {
        return await this.#context.completion(options, onToken)
      } catch (failure) {
        if (!failure.message.includes('Another completion is in progress')) throw failure
        if (Date.now() - begun > kFreeAgain_ms) await this.#open()
        else await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  async #generate(question, mostTokens, signal, onToken) {
    const stop = () => this.#context.stopCompletion()
    signal.addEventListener('abort', stop)
    // The last tokens may be called out after the result is there: what is missing of it then goes out at once.
    let said = ''
    let over = false
    const say = (token) => {
      if (over || token === '') return
      said += token
      onToken(token)
    }
    try {
      const result = await this.#complete(
        { prompt: `Q: ${question}\nA: `, n_predict: Math.min(mostTokens ?? kMostTokens, kMostTokens), temperature: 0, stop: ['\n'] },
        ({ token }) => say(token),
      )
      if (signal.aborted) return null
      say(result.text.slice(said.length))
      over = true
      return {
        promptTokens: result.tokens_evaluated - result.tokens_predicted,
        completionTokens: result.tokens_predicted,
        finishReason: result.stopped_limited ? 'length' : 'stop',
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
