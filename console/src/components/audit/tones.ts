import type { Tone } from '../../lib/tone'

/** How what came of something looks. */
export const outcomeTones: Record<'done' | 'refused' | 'failed', Tone> = { done: 'good', refused: 'warn', failed: 'bad' }
