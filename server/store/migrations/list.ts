import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { first } from './001-first.ts'
import { arriving } from './002-arriving.ts'
import { tls } from './004-tls.ts'
import { queue } from './003-queue.ts'
import { suppression } from './007-suppression.ts'
import { pace } from './005-pace.ts'
import { signing } from './006-signing.ts'
import { opens } from './008-opens.ts'
import { tlsReports } from './009-tls-reports.ts'
import { sandbox } from './020-sandbox.ts'
import { places } from './017-places.ts'
import { notices } from './011-notices.ts'
import { account } from './014-account.ts'
import { mailboxSettings } from './013-mailbox-settings.ts'
import { scheduled } from './010-scheduled.ts'
import { adminActions } from './012-admin-actions.ts'
import { limits } from './015-limits.ts'
import { search } from './018-search.ts'
import { webhooks } from './016-webhooks.ts'
import { accountLife } from './021-account-life.ts'
import { policy } from './025-policy.ts'
import { comingIn } from './022-coming-in.ts'
import { placeStatus } from './027-place-status.ts'
import { logTree } from './023-log-tree.ts'
import { views } from './024-views.ts'
import { people } from './026-people.ts'
import { receipts } from './028-receipts.ts'
import { sizesCounted } from './029-sizes-counted.ts'
import { renewals } from './030-renewals.ts'
import { ends } from './031-ends.ts'
import { lowering } from './032-lowering.ts'

/** In order. A shipped migration is history: correct it with the next one. */
export const migrations: readonly { name: string; build: (engine: Engine) => Migration }[] = [
  { name: '001-first', build: first },
  { name: '002-arriving', build: arriving },
  { name: '003-queue', build: queue },
  { name: '004-tls', build: tls },
  { name: '005-pace', build: pace },
  { name: '006-signing', build: signing },
  { name: '007-suppression', build: suppression },
  { name: '008-opens', build: opens },
  { name: '009-tls-reports', build: tlsReports },
  { name: '010-scheduled', build: scheduled },
  { name: '011-notices', build: notices },
  { name: '012-admin-actions', build: adminActions },
  { name: '013-mailbox-settings', build: mailboxSettings },
  { name: '014-account', build: account },
  { name: '015-limits', build: limits },
  { name: '016-webhooks', build: webhooks },
  { name: '017-places', build: places },
  { name: '018-search', build: search },
  { name: '020-sandbox', build: sandbox },
  { name: '021-account-life', build: accountLife },
  { name: '022-coming-in', build: comingIn },
  { name: '023-log-tree', build: logTree },
  { name: '024-views', build: views },
  { name: '025-policy', build: policy },
  { name: '026-people', build: people },
  { name: '027-place-status', build: placeStatus },
  { name: '028-receipts', build: receipts },
  { name: '029-sizes-counted', build: sizesCounted },
  { name: '030-renewals', build: renewals },
  { name: '031-ends', build: ends },
  { name: '032-lowering', build: lowering },
]
