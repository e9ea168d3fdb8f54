import { en as base } from './areas/base'
import { en as keys } from './areas/keys'
import { en as live } from './areas/live'
import { en as logins } from './areas/logins'
import { en as mine } from './areas/mine'
import { en as move } from './areas/move'
import { en as people } from './areas/people'
import { en as play } from './areas/play'
import { en as provider } from './areas/provider'
import { en as rules } from './areas/rules'
import { en as run } from './areas/run'
import { en as supply } from './areas/supply'
import { en as traffic } from './areas/traffic'

/** What the console says, in English; other languages have the same shape. */
export const en = { ...base, ...keys, ...live, ...logins, ...mine, ...move, ...people, ...play, ...provider, ...rules, ...run, ...supply, ...traffic }

export type Messages = typeof en
