import { expect, it } from 'vitest'
import { dialable, httpUrl } from '../../server/platform/reach.ts'

it.each([
  ['127.0.0.1', '127.0.0.1', 'http://127.0.0.1:8025'],
  ['0.0.0.0', '127.0.0.1', 'http://127.0.0.1:8025'],
  ['::1', '::1', 'http://[::1]:8025'],
  ['::', '::1', 'http://[::1]:8025'],
  ['192.0.2.1', '192.0.2.1', 'http://192.0.2.1:8025'],
])('what listens on %s is reached at %s', (host, reached, url) => {
  expect(dialable(host)).toBe(reached)
  expect(httpUrl({ host, port: 8025 })).toBe(url)
  expect(new URL(url).port).toBe('8025')
})
