import { describe, expect, it } from 'vitest'
import { type ConversationFacts, judgeConversation } from '../../../server/inbound/content/conversation.ts'

const ola = { address: 'Ola@nordwind.example', name: 'Ola Nord' }
const ann = { address: 'ann@ours.test', name: 'Ann Berg' }
const kim = { address: 'kimlarsen@gmail.com', name: 'Kim Larsen' }
const thread: ConversationFacts = {
  from: ola,
  replyTo: [],
  to: [ann],
  cc: [],
  participants: [ola, ann, kim],
  threadSubject: 'Contract',
}

describe('a message in a conversation', () => {
  it.each<[string, Partial<ConversationFacts>, string[]]>([
    ['from who was in it', {}, []],
    ['from who was in it, written otherwise', { from: { address: 'ola@NORDWIND.example' } }, []],
    ['from a colleague', { from: { address: 'pia@nordwind.example', name: 'Pia' } }, []],
    ['from a stranger', { from: { address: 'bo@remote.test', name: 'Bo' } }, ['stranger-in-thread']],
    ['from a look-alike domain', { from: { address: 'ola@nordw1nd.example' } }, ['look-alike-in-thread', 'stranger-in-thread']],
    [
      'from a look-alike of a free mailbox',
      { from: { address: 'kimIarsen@gmail.com', name: 'K' } },
      ['look-alike-in-thread', 'stranger-in-thread'],
    ],
    ['from a namesake', { from: { address: 'ola.nord@freemail.test', name: 'Nord, Ola' } }, ['namesake-in-thread', 'stranger-in-thread']],
    ['with answers to a stranger', { replyTo: [{ address: 'ola@freemail.test' }] }, ['reply-to-changed']],
    ['with answers to a participant', { replyTo: [kim] }, []],
    ['with answers to a colleague', { replyTo: [{ address: 'desk@nordwind.example' }] }, []],
    ['for somebody new', { cc: [{ address: 'eve@remote.test' }] }, ['new-reader-in-thread']],
    ['for a new colleague', { cc: [{ address: 'pia@nordwind.example' }] }, []],
    ['without an author', { from: null }, []],
    ['that begins a conversation', { from: { address: 'bo@remote.test' }, participants: [], threadSubject: null }, []],
  ])('%s', (_what, facts, codes) => {
    expect(judgeConversation({ ...thread, ...facts }).map(({ code }) => code)).toEqual(codes)
  })

  it('says which address is which', () => {
    const from = { address: 'ola@nordw1nd.example', name: 'Ola Nord' }
    expect(judgeConversation({ ...thread, from })[0]).toMatchObject({ detail: 'ola@nordw1nd.example looks like nordwind.example' })
  })
})
