import type { SimulationReceipt } from '../../chains/simulationReceipt.ts'
import type { OperationRecord } from '../../store/operations.ts'
import { isAstray } from '../following/astray.ts'
import { MOST_TRIES } from '../recovering/compensation.ts'

type Recorded = OperationRecord['steps'][number]

/** What the operation is for. */
export function pivotOf(steps: readonly Recorded[]): Recorded {
  return steps.find(({ step }) => step.role === 'pivot') as Recorded
}

/** What was included in its place moves nothing. */
export function isCancelled({ attempts }: Recorded): boolean {
  return attempts.some(({ kind, state }) => kind === 'cancel' && state === 'included')
}

/** The step that says what to do: what the operation is for, unless that waits for what comes before it. */
function tellingStep({ steps }: OperationRecord): Recorded {
  const pivot = pivotOf(steps)
  if (pivot.attempts.length > 0) return pivot
  return steps.find(({ step, attempts }) => step.ended === 0 && attempts.length > 0) ?? pivot
}

/** What the caller of an operation should do next, in words. */
export function nextOf(record: OperationRecord): string {
  return ofOperation(record) ?? ofStep(tellingStep(record), record.operation.state)
}

/** What only the operation as a whole tells; undefined when one of its steps says it all. */
function ofOperation({ operation, steps }: OperationRecord): string | undefined {
  const pivot = pivotOf(steps)
  if (operation.state === 'committed') return 'Done: the payment is final.'
  if (operation.state === 'compensated') return `${whyNot(pivot)} ${COMPENSATED}`
  if (steps.length === 1) return undefined
  if (operation.state === 'failed') {
    const others = steps.filter((one) => one !== pivot)
    return others.some(({ attempts }) => attempts.length > 0) ? FAILED_AFTER : undefined
  }
  if (pivot.step.ended === 0 || pivot.step.state === 'final') return undefined
  if (operation.state !== 'stuck') return `${whyNot(pivot)} ${COMPENSATING}`
  const tries = steps.filter(({ step, attempts }) => step.role === 'undo' && attempts.length > 0)
  return `${whyNot(pivot)} ${STANDING} ${tries.length < MOST_TRIES ? GOES_ON : GIVEN_UP}`
}

/** Why a payment did not happen, of which the network may have had nothing. */
function whyNot({ step: { note } }: Recorded): string {
  return note === null
    ? 'The payment was included and reverted.'
    : 'The payment did not happen: its note says why.'
}

function ofStep(telling: Recorded, operation: OperationRecord['operation']['state']): string {
  const { state, note } = telling.step
  if (isCancelled(telling)) {
    return state === 'replaced'
      ? 'Cancelled: nothing was paid but gas. If it is still wanted, prepare it again with a new idempotencyKey.'
      : 'The cancellation is included, not yet final. Call get_operation with until "final" before you pay in another way.'
  }
  switch (state) {
    case 'included':
      return 'Included, not yet final. Call get_operation with until "final" when finality matters.'
    case 'safe':
      return 'Included in a block that the chain calls safe, not yet final. Call get_operation with until "final" when finality matters.'
    case 'reverted':
      return 'The transaction was included and reverted: gas was paid, nothing else moved. Find out why before preparing it again with a new idempotencyKey.'
    case 'failed':
      return 'Nothing was signed and nothing moved. Prepare the payment again with a new idempotencyKey.'
    case 'replaced':
      return 'The payment did not happen: its nonce was used by another transaction. Prepare it again with a new idempotencyKey.'
    case 'dropped':
      return 'The network had it and lost it. Do not pay again: the same bytes are sent again. Call get_operation again.'
    case 'unknown':
      if (isAstray(telling)) return ASTRAY
      return operation === 'stuck'
        ? UNSENT
        : 'Not known yet whether the network has it. Do not pay again: Bursar keeps resolving it. Call get_operation again.'
    case 'queued':
      return `Nothing is signed yet${note ? '; the note says what it waits for, and replace_transaction cancels it' : ''}. Call get_operation later; do not send it again.`
    case 'sent':
      if (operation === 'stuck') return STUCK
      return isPrivate(telling) ? `${UNDER_WAY} ${UNSEEN}` : UNDER_WAY
    default:
      return UNDER_WAY
  }
}

/** Whether its newest bytes are for a relay. */
function isPrivate({ attempts }: Recorded): boolean {
  const receipt = attempts.find(({ live }) => live === 1)?.receipt
  return receipt !== undefined && (JSON.parse(receipt) as SimulationReceipt).route === 'private'
}

const COMPENSATED =
  'The approval that was made for it is taken back, so that its spender may take nothing; gas was paid, nothing else moved. If it is still wanted, prepare it again with a new idempotencyKey.'
const FAILED_AFTER =
  'The payment did not happen and no approval for it stands; gas was paid for what came before it. Prepare it again with a new idempotencyKey.'
const COMPENSATING =
  'The approval that was made for it is being taken back. Call get_operation with until "final".'
const STANDING = 'The approval that was made for it still stands, as its note says.'
const GOES_ON = 'Bursar goes on trying to take it back; tell the user.'
const GIVEN_UP =
  'Bursar tries no more to take it back: tell the user, who can have the spender approved for 0.'
const UNDER_WAY = 'Under way. Call get_operation with waitSeconds to wait for it; do not send it again.'
const UNSEEN =
  'It goes to block builders privately: that no explorer or node shows it before a block has it does not mean that it is lost.'
const UNSENT =
  'Signed, and nobody is known to pass it on: the note says why. Do not pay again: replace_transaction with kind cancel takes it back. Unless the note says otherwise, it is tried again by itself meanwhile.'
const STUCK =
  'Sent, and it waits for too long: the note says why. Do not pay again: replace_transaction with kind speed_up offers more, with kind cancel takes it back, and it may still be included by itself.'

const ASTRAY =
  'Given up unsent, and yet it may happen: its signer may have signed it, and whoever has that can send it. Do not pay it again. It is settled once its nonce is used: the next payment of this wallet has the same one, and the chain takes one of the two. Call get_operation then.'
