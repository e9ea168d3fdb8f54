import { Notify } from 'quasar'

import { asApiError } from '../api/errors'
import { i18n } from '../i18n'

/** Says that something did not work where there is no better place for it. */
export function failed(message: string) {
  Notify.create({ message, classes: 'toast', position: 'bottom', timeout: 10_000 })
}

/** Says that something was done; undo, where there is one, takes it back. */
export function done(message: string, undo?: () => Promise<void>) {
  const close = { icon: undefined, label: i18n.global.t('common.close'), noCaps: true }
  const back = { label: i18n.global.t('common.undo'), noCaps: true, handler: () => void undo?.().catch((thrown: unknown) => failed(asApiError(thrown).message)) }
  Notify.create({ message, classes: 'toast', position: 'bottom', timeout: undo ? 10_000 : 4000, actions: undo ? [back, close] : [close] })
}
