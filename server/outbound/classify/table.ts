import { america } from './america.ts'
import { asiaAndRussia } from './asia-russia.ts'
import { basicCodes, enhancedCodes } from './codes.ts'
import { europe } from './europe.ts'
import { filters } from './filters.ts'
import { google } from './google.ts'
import { lists } from './lists.ts'
import { microsoft } from './microsoft.ts'
import type { Row } from './row.ts'
import { servers } from './servers.ts'
import { smarthosts } from './smarthosts.ts'
import { words } from './words.ts'
import { yahooAndApple } from './yahoo-apple.ts'

/** First match wins: what a known provider's words say better than the code, then what everybody's words say, then the codes. */
export const table: readonly Row[] = [
  ...google,
  ...microsoft,
  ...yahooAndApple,
  ...filters,
  ...europe,
  ...asiaAndRussia,
  ...america,
  ...smarthosts,
  ...servers,
  ...lists,
  ...words,
  ...enhancedCodes,
  ...basicCodes,
]
