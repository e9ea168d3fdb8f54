/** How requests are spread, as the gateway names it. */
export const strategies = ['smart', 'weighted', 'round-robin', 'least-used', 'priority'] as const
