/** What unwanted advertising is about; each code is a trade, and several signs of one trade weigh more than one. */
import type { Phrase } from '../phrase-finder.ts'
import { phrasesOf } from './phrases-of.ts'

export type AdvertisingCode =
  | 'spam-medicine'
  | 'spam-money'
  | 'spam-gambling'
  | 'spam-marketing'
  | 'spam-dating'
  | 'spam-goods'
  | 'spam-wording'

export const advertisingPhrases: readonly Phrase<AdvertisingCode>[] = [
  ...phrasesOf('spam-medicine', [
    'medicine',
    'medicine without',
    'medicine pharmacy',
    'pharmacy without',
    'without pharmacy',
    'free pharmacy',
    'not pharmacy',
    'without medicine',
    'diet',
    'diet weight',
    'lose weight',
    'weight lose',
    'weight days',
    'free medicine',
    'lose diet',
  ]),
  ...phrasesOf('spam-money', [
    'guaranteed profit',
    'profit guaranteed',
    'double crypto',
    'double invest',
    'crypto profit',
    'profit crypto',
    'crypto invest',
    'invest crypto',
    'invest profit',
    'profit invest',
    'profit days',
    'days profit',
    'earn home',
    'earn money',
    'earn currency',
    'currency earn',
    'earn crypto',
    'crypto earn',
    'earn guaranteed',
    'guaranteed earn',
    'earn days',
    'work home',
    'home earn',
    'work home earn',
    'loan credit',
    'loan without',
    'credit loan',
    'loan guaranteed',
    'loan hours',
    'loan offer',
    'double million',
    'risk free',
  ]),
  ...phrasesOf('spam-gambling', ['casino', 'casino free', 'free casino', 'casino winner', 'casino offer', 'winner casino', 'lottery free']),
  ...phrasesOf('spam-marketing', [
    'seo',
    'google ranking',
    'ranking google',
    'page google', // the first page of Google
    'google page',
    'seo website',
    'ranking guaranteed',
    'guaranteed ranking',
    'seo offer',
    'seo guaranteed',
  ]),
  ...phrasesOf('spam-dating', ['dating', 'dating free', 'dating click']),
  ...phrasesOf('spam-goods', ['replica', 'replica free', 'degree without', 'degree', 'replica offer']),
  ...phrasesOf('spam-wording', [
    'free gift',
    'free register',
    'register free',
    'free winner',
    'click claim',
    'claim offer',
    'offer expire',
    'suspend offer',
    'congratulations you',
    'claim gift',
    'claim free',
    'guaranteed free',
    'free risk',
  ]),
]
