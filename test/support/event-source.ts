/** As much of EventSource as @trpc/client's httpSubscriptionLink asks for, over fetch, with headers. It does not come back by itself. */
export function eventSourceWith(headers: Record<string, string>) {
  return class extends EventTarget {
    static readonly CONNECTING = 0
    static readonly OPEN = 1
    static readonly CLOSED = 2
    readonly CONNECTING = 0
    readonly OPEN = 1
    readonly CLOSED = 2
    readyState = 0
    private readonly ended = new AbortController()
    constructor(url: string) {
      super()
      void this.read(url).catch(() => this.fail())
    }
    close(): void {
      this.readyState = 2
      this.ended.abort()
    }
    private fail(status?: number): void {
      if (this.readyState === 2) return
      this.readyState = 2
      this.dispatchEvent(Object.assign(new Event('error'), { status }))
    }
    private async read(url: string): Promise<void> {
      const response = await fetch(url, { headers, signal: this.ended.signal })
      if (!response.ok || response.body === null) return this.fail(response.status)
      this.readyState = 1
      this.dispatchEvent(new Event('open'))
      for await (const { event, data, id } of messagesOf(response.body))
        this.dispatchEvent(new MessageEvent(event, { data, lastEventId: id }))
      this.fail()
    }
  }
}

export type SentEvent = { event: string; data: string; id: string }

/** The messages of an event stream, comments left out. */
export async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<SentEvent> {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]),
      )
      text = text.slice(end + 2)
      if (fields.has('data')) yield { event: fields.get('event') ?? 'message', data: fields.get('data') ?? '', id: fields.get('id') ?? '' }
    }
  }
}
