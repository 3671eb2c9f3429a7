/**
 * What is wrong with a configuration, gathered so that the operator hears all of it at once.
 * Sentences name variables and hosts, never values: a key pasted into the wrong variable is still a key.
 */
export class Findings {
  readonly problems: string[] = []
  readonly warnings: string[] = []

  problem(text: string): void {
    this.problems.push(text)
  }

  warning(text: string): void {
    this.warnings.push(text)
  }
}
