/** The data of all events of one append: exactly this much is allowed, as in the real server. */
export const MAX_APPEND_BYTES = 1_048_576;

/** Larger messages are refused unread. Far above what an append may hold, so that an append too large gets its own error. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
