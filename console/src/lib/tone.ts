/** How a word about a state is to be taken. */
export type Tone = 'good' | 'warn' | 'bad' | 'plain'
