import { type Halt, haltScope } from '../../store/halts.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { IntentView, OperationView } from './views.ts'

/** What was prepared while signing is halted says so: to send it now would be refused. */
export function haltedView<V extends Pick<IntentView, 'status' | 'next'>>(
  view: V,
  halt: Halt | undefined,
): V {
  if (!halt || view.status !== 'ready') return view
  return { ...view, next: `${words(halt)} send_transaction is refused until the operator ends that.` }
}

/** Whether anything of an operation is still to be signed, or was signed and never sent. */
export function waitsForSignature({ operation, steps }: OperationRecord): boolean {
  const isOpen = operation.state === 'running' || operation.state === 'stuck'
  return isOpen && steps.some(({ step }) => step.ended === 0 && HERE.has(step.state))
}

/** What waits because signing is halted says so. */
export function haltedOperation(view: OperationView, halt: Halt | undefined): OperationView {
  if (!halt) return view
  const next = `${words(halt)} What is not sent yet waits for the operator to end that; do not pay in another way. Call get_operation later.`
  return { ...view, next }
}

function words(halt: Halt): string {
  return `The operator has halted signing ${haltScope(halt)} since ${halt.since}: ${halt.reason}.`
}

const HERE: ReadonlySet<string> = new Set(['queued', 'reserved', 'signed'])
