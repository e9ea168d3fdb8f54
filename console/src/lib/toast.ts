import { Notify } from 'quasar'

import { i18n } from '../i18n'

/** Says that something was done; undo, where there is one, takes it back. */
export function done(message: string, undo?: () => Promise<void>) {
  const close = { icon: undefined, label: i18n.global.t('common.close'), noCaps: true }
  const back = { label: i18n.global.t('common.undo'), noCaps: true, handler: () => void undo?.() }
  Notify.create({ message, classes: 'toast', position: 'bottom', timeout: undo ? 10_000 : 4000, actions: undo ? [back, close] : [close] })
}
