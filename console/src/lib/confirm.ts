import { shallowRef } from 'vue'

/** What a person is asked before something happens that matters. */
export interface Question {
  title: string
  /** What will happen, one thing a line. */
  points: string[]
  action: string
  danger?: boolean
  /** What must be typed, where it cannot be undone. */
  word?: string
  run: () => Promise<void>
}

/** The question that stands now. */
export const question = shallowRef<Question | null>(null)

/** Asks; what is to be done is done by the dialogue, which shows its progress and its error. */
export function confirm(asked: Question) {
  question.value = asked
}
