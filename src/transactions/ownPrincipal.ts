/** Whose intents are those that nobody asked for. No caller has this name: it is not one that a token could carry. */
export const OWN_PRINCIPAL = 'bursar (itself)'
