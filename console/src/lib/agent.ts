// Browsers before those whose word they carry too: Edge says Chrome, Chrome says Safari.
const browsers: [RegExp, string][] = [
  [/Edg\/(\d+)/, 'Edge'],
  [/OPR\/(\d+)/, 'Opera'],
  [/Firefox\/(\d+)/, 'Firefox'],
  [/Chrome\/(\d+)/, 'Chrome'],
  [/Version\/(\d+).*Safari/, 'Safari'],
]

const systems: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** A User-Agent as people call it: Chrome 156 · Linux; what is not known stays as it is. */
export function browserOf(agent: string): string {
  for (const [pattern, name] of browsers) {
    const found = pattern.exec(agent)
    if (!found) continue
    const system = systems.find(([word]) => word.test(agent))
    return [`${name} ${found[1]}`, system?.[1]].filter(Boolean).join(' · ')
  }
  return agent
}
