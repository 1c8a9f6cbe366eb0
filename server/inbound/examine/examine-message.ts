/** One message from its bytes to all that is found out about it. Runs in a worker: everything here may meet input made to hurt. */
import type { Resolver, RrType } from '../../../dns/resolver.ts'
import type { Address } from '../../model/address.ts'
import { splitMessage } from '../../model/headers.ts'
import { createAuthenticator } from './authenticate.ts'
import { undecided } from './authentication-result.ts'
import { automaticKind } from '../automatic/automatic.ts'
import { readContent } from '../content/read-content.ts'
import type { UnreadText } from '../message/parsed-message.ts'
import type { Examination } from './examination.ts'
import type { Plan, Stage } from './plan.ts'
import { nothingRead, readHeader, readWhole } from '../message/read-message.ts'
import { recogniseReport } from '../reports/recognise.ts'
import type { Client } from '../arrival.ts'
import type { Authentication } from '../verdict/message-facts.ts'

export type ExamineTask = {
  bytes: Uint8Array
  client: Client
  reversePath: Address | null
  hostname: string
  /** whose answers from the DNS it may share */
  examiner: number
  plan: Plan
}

/** What a thread asks meanwhile; the answer is a `Timed`. */
export type NameQuestion = { name: string; rrtype: RrType }

const maxSalvagedHeader = 64 * 1024

export async function examineMessage(task: ExamineTask, resolver: Resolver, enter: (stage: Stage) => void): Promise<Examination> {
  const { reversePath, plan } = task
  const raw = Buffer.from(task.bytes.buffer, task.bytes.byteOffset, task.bytes.byteLength)
  enter('authenticate')
  const authentication = plan.authenticate ? await authenticationOf(task, raw, resolver) : undecided
  enter('read')
  const read = await readAsPlanned(raw, plan)
  enter('text')
  const { parsed, content } = readContent(read, plan.text)
  enter('report')
  const report = plan.report ? await recogniseReport({ raw, parsed }) : null
  const automatic = automaticKind({ header: splitMessage(raw).header, reversePath, report })
  return { parsed, authentication, content, report, automatic }
}

const authenticationOf = ({ hostname, client, reversePath }: ExamineTask, raw: Buffer, resolver: Resolver): Promise<Authentication> =>
  createAuthenticator({ hostname, resolver })(raw, client, reversePath)

async function readAsPlanned(raw: Buffer, { read, flags }: Plan): Promise<UnreadText> {
  if (read === 'whole') return readWhole(raw)
  if (read === 'header') return readHeader({ header: splitMessage(raw).header.subarray(0, maxSalvagedHeader), flags })
  return nothingRead(flags)
}
