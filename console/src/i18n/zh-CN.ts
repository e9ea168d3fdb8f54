import { zh as base } from './areas/base'
import { zh as keys } from './areas/keys'
import { zh as live } from './areas/live'
import { zh as logins } from './areas/logins'
import { zh as mine } from './areas/mine'
import { zh as move } from './areas/move'
import { zh as people } from './areas/people'
import { zh as play } from './areas/play'
import { zh as provider } from './areas/provider'
import { zh as rules } from './areas/rules'
import { zh as run } from './areas/run'
import { zh as supply } from './areas/supply'
import { zh as traffic } from './areas/traffic'
import type { Messages } from './en'

/** What the console says, in simplified Chinese. */
export const zhCN: Messages = { ...base, ...keys, ...live, ...logins, ...mine, ...move, ...people, ...play, ...provider, ...rules, ...run, ...supply, ...traffic }
