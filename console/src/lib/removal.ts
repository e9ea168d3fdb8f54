import { confirm } from './confirm'
import { done } from './toast'

/** The deletion of something in a list. */
export interface Removal {
  title: string
  effect: string
  action: string
  /** What is told when it is gone. */
  told: string
  remove: () => Promise<unknown>
  /** Puts it there again; absent where not all of it is known. */
  restore?: () => Promise<unknown>
  /** Shows the list as it is then. */
  reload: () => Promise<unknown> | undefined
}

/** Asks, deletes, and offers for a moment to take that back. */
export function askRemoval({ title, effect, action, told, remove, restore, reload }: Removal) {
  confirm({
    title,
    points: [effect],
    action,
    danger: true,
    run: async () => {
      await remove()
      await reload()
      if (restore === undefined) return done(told)
      done(told, async () => {
        await restore()
        await reload()
      })
    },
  })
}
