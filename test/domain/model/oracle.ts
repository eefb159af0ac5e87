// The oracle: all rules of the ledger once more, written to be read in one go. It shares nothing with the ledger: it keeps
// lists of what there is and adds them up when asked, and changes itself in place.
import { assertNever } from '../../../src/domain/assert-never.ts';
import type { Book, Hold, Order, Status, Verdict } from './oracle-books.ts';
import { makeBooks, no, noTrace } from './oracle-books.ts';
import type { Answer, AssetName, Place, Request, RequestOf } from './requests.ts';
import { ASSET_NAMES, idText, textOf } from './requests.ts';

export function makeOracle() {
  const {
    bookOf,
    isOpened,
    holds,
    orders,
    transfers,
    entries,
    reversed,
    outside,
    heldIn,
    totalOf,
    halted,
    paidBefore,
    notThere,
    tooMuch,
    notLeft,
    overLimit,
    spend,
    yes,
    change,
  } = makeBooks();

  function payment(asked: RequestOf<'deposit' | 'withdraw'>, book: Book, timeMs: number): Verdict {
    const { account, asset, units, externalId, type } = asked;
    const isDeposit = type === 'deposit';
    const refusal =
      halted(book) ??
      paidBefore(book, externalId) ??
      (isDeposit ? tooMuch(account, asset, units) : (overLimit(book, asset, units, timeMs) ?? notThere(book, asset, units)));
    if (refusal) return refusal;
    if (externalId !== undefined) book.externalIds.add(externalId);
    change(asked, asset, isDeposit ? units : -units, '@world');
    if (!isDeposit) spend(book, asset, units, timeMs);
    return yes(asked, isDeposit ? 'deposited' : 'withdrawn', { asset, amount: textOf(units, asset) }, asset);
  }

  function coins(asked: RequestOf<'update-coin' | 'remove-coin'>, book: Book, timeMs: number): Verdict {
    const isRemoval = asked.type === 'remove-coin';
    const all = book.available.BTC + heldIn(asked.account, 'BTC');
    const units = asked.type === 'remove-coin' ? -all : asked.units;
    const stopped = halted(book);
    if (stopped) return stopped;
    if (isRemoval && all === 0n) return noTrace('not_found');
    const refusal =
      units < 0n ? (overLimit(book, 'BTC', -units, timeMs) ?? notThere(book, 'BTC', -units)) : tooMuch(asked.account, 'BTC', units);
    if (refusal) return refusal;
    change(asked, 'BTC', units, '@portfolio');
    if (units < 0n) spend(book, 'BTC', -units, timeMs);
    return yes(asked, isRemoval ? 'coin-removed' : 'coin-updated', { quantity: textOf(isRemoval ? all : units, 'BTC') }, 'BTC');
  }

  function placeHold(asked: RequestOf<'place-hold'>, book: Book): Verdict {
    const { id, account, asset, units, side, expiresMs } = asked;
    const refusal = halted(book) ?? notThere(book, asset, units);
    if (refusal) return refusal;
    change(asked, asset, -units);
    holds.set(id, { account, asset, left: units, by: side, expiresMs });
    return yes(asked, 'hold-placed', { holdId: idText(id), amount: textOf(units, asset), placedBy: side }, asset);
  }
  /** The hold, if whoever asks may have it; else why not. */
  function holdFor({ account, hold: id, side }: RequestOf<'capture-hold' | 'release-hold'>): Hold | Verdict {
    const hold = holds.get(id);
    if (hold === undefined || hold.account !== account) return no('hold_not_found');
    if (hold.left === 0n) return no('hold_not_open');
    return side === 'user' && hold.by === 'operator' ? noTrace('forbidden') : hold;
  }
  function captureHold(asked: RequestOf<'capture-hold'>, book: Book, timeMs: number): Verdict {
    const hold = halted(book) ?? holdFor(asked);
    if ('outcome' in hold) return hold;
    const { asset } = hold;
    const units = asked.units ?? hold.left;
    const byUser = asked.side === 'user';
    const refusal = notLeft(asset, hold.left, units) ?? (byUser ? overLimit(book, asset, units, timeMs) : undefined);
    if (refusal) return refusal;
    hold.left -= units;
    outside['@world'][asset] += units;
    if (byUser) spend(book, asset, units, timeMs);
    return yes(
      asked,
      'hold-captured',
      { amount: textOf(units, asset), remaining: textOf(hold.left, asset), capturedBy: asked.side },
      asset,
    );
  }
  function giveBack(asked: Request, hold: Hold, outcome: string): Verdict {
    const amount = textOf(hold.left, hold.asset);
    change(asked, hold.asset, hold.left);
    hold.left = 0n;
    return yes(asked, outcome, { amount }, hold.asset);
  }
  function releaseHold(asked: RequestOf<'release-hold'>, book: Book): Verdict {
    const hold = book.status === 'closed' ? no('account_closed') : holdFor(asked);
    return 'outcome' in hold ? hold : giveBack(asked, hold, 'hold-released');
  }
  function expireHold(asked: RequestOf<'expire-hold'>, timeMs: number): Verdict {
    const hold = holds.get(asked.hold);
    const isDue = hold?.account === asked.account && hold.left > 0n && hold.expiresMs !== undefined && hold.expiresMs <= timeMs;
    return hold && isDue ? giveBack(asked, hold, 'hold-expired') : noTrace('not_found');
  }

  function placeOrder(asked: RequestOf<'place-order'>, book: Book): Verdict {
    const { id, account, tokenIn, tokenOut, units, price, expiresMs } = asked;
    const refusal = halted(book) ?? notThere(book, tokenIn, units);
    if (refusal) return refusal;
    change(asked, tokenIn, -units);
    orders.set(id, { account, tokenIn, tokenOut, amount: units, filledIn: 0n, filledOut: 0n, price, expiresMs, isPending: true });
    return yes(asked, 'order-placed', { orderId: idText(id), amountIn: textOf(units, tokenIn), filledIn: textOf(0n, tokenIn) }, tokenIn);
  }
  function orderFor({ account, order: id }: RequestOf<'fill-order' | 'cancel-order'>): Order | Verdict {
    const order = orders.get(id);
    if (order === undefined || order.account !== account) return no('order_not_found');
    return order.isPending ? order : no('order_not_open');
  }
  function fillOrder(asked: RequestOf<'fill-order'>, book: Book): Verdict {
    const { paid, got, fee, txHash, logIndex } = asked;
    const name = txHash === undefined ? undefined : `${txHash} ${logIndex}`;
    const first = name === undefined ? undefined : book.fills.get(name);
    if (first !== undefined) {
      const sameFee = first.fee?.asset === fee?.asset && first.fee?.units === fee?.units;
      const isSame = first.order === asked.order && first.paid === paid && first.got === got && sameFee;
      if (!isSame) return no('already_exists', { fillId: first.figures['fillId'] ?? '' });
      return { ...yes(asked, 'fill-repeated', first.figures), balances: first.balances };
    }
    const order = halted(book) ?? orderFor(asked);
    if ('outcome' in order) return order;
    const { tokenIn, tokenOut, price } = order;
    if (fee !== undefined && fee.asset !== tokenOut) return noTrace('malformed_request');
    const refusal = notLeft(tokenIn, order.amount - order.filledIn, paid);
    if (refusal) return refusal;
    if (price !== undefined && got * 10n ** BigInt(price.d) < paid * price.n)
      return no('price_not_met', { amountOut: textOf(got, tokenOut) });
    const net = got - (fee?.units ?? 0n);
    if (net < 0n) return no('amount_out_of_range', { asset: tokenOut });
    const range = tooMuch(asked.account, tokenOut, net);
    if (range) return range;
    order.filledIn += paid;
    order.filledOut += got;
    order.isPending = order.filledIn < order.amount;
    outside['@venue'][tokenIn] += paid;
    outside['@venue'][tokenOut] -= got - net;
    outside['@fees'][tokenOut] += got - net;
    change(asked, tokenOut, net, '@venue');
    const orderStatus = order.isPending ? 'pending' : 'executed';
    const sums = { filledIn: textOf(order.filledIn, tokenIn), filledOut: textOf(order.filledOut, tokenOut) };
    const fillId = idText(asked.id);
    const done = yes(asked, 'order-filled', { fillId, orderStatus, ...sums }, tokenIn, ...(net > 0n ? [tokenOut] : []));
    const figures = { fillId, orderStatus, firstRevision: `${book.revision + 1}` };
    if (name !== undefined) book.fills.set(name, { order: asked.order, paid, got, fee, figures, balances: done.balances });
    return done;
  }
  function endOrder(asked: Request, order: Order, outcome: string): Verdict {
    const { tokenIn, tokenOut, amount, filledIn, filledOut } = order;
    order.isPending = false;
    change(asked, tokenIn, amount - filledIn);
    const sums = { filledIn: textOf(filledIn, tokenIn), filledOut: textOf(filledOut, tokenOut) };
    return yes(asked, outcome, { amount: textOf(amount - filledIn, tokenIn), ...sums }, tokenIn);
  }
  function cancelOrder(asked: RequestOf<'cancel-order'>, book: Book): Verdict {
    const order = halted(book) ?? orderFor(asked);
    return 'outcome' in order ? order : endOrder(asked, order, 'order-cancelled');
  }
  function expireOrder(asked: RequestOf<'expire-order'>, timeMs: number): Verdict {
    const order = orders.get(asked.order);
    const isDue = order?.account === asked.account && order.isPending && order.expiresMs !== undefined && order.expiresMs <= timeMs;
    return order && isDue ? endOrder(asked, order, 'order-expired') : noTrace('not_found');
  }

  function sendTransfer(asked: RequestOf<'transfer'>, book: Book, timeMs: number): Verdict {
    const { account, to, asset, units, externalId } = asked;
    const stopped = halted(book);
    if (stopped) return stopped;
    if (to === account) return no('same_account');
    if (!isOpened(to)) return no('recipient_not_found');
    const refusal = paidBefore(book, externalId) ?? overLimit(book, asset, units, timeMs) ?? notThere(book, asset, units);
    if (refusal) return refusal;
    if (externalId !== undefined) book.externalIds.add(externalId);
    spend(book, asset, units, timeMs);
    return send(asked, to, asset, units, undefined);
  }
  function send(asked: Request, to: number, asset: AssetName, units: bigint, reverses: number | undefined): Verdict {
    change(asked, asset, -units, '@transit');
    transfers.set(asked.id, { from: asked.account, to, asset, units, reverses, isUnderWay: true });
    return yes(asked, 'transfer-sent', { transferId: idText(asked.id), amount: textOf(units, asset) }, asset);
  }
  function receive(asked: RequestOf<'receive-transfer'>, book: Book): Verdict {
    const { account, asset, units, from } = asked;
    const amount = textOf(units, asset);
    if (book.status === 'closed') return yes(asked, 'transfer-refused', { reason: 'recipient_closed', amount });
    if (book.status === 'frozen') return yes(asked, 'transfer-refused', { reason: 'recipient_frozen', amount });
    if (tooMuch(account, asset, units)) return yes(asked, 'transfer-refused', { reason: 'recipient_out_of_range', amount });
    change(asked, asset, units, '@transit');
    const entry = entries.get(asked.id);
    if (entry) entry.from = from;
    return yes(asked, 'transfer-received', { amount }, asset);
  }
  function endTransfer(asked: RequestOf<'complete-transfer' | 'return-transfer'>): Verdict {
    const sent = transfers.get(asked.transfer);
    if (sent === undefined || sent.from !== asked.account || !sent.isUnderWay) return noTrace('not_found');
    const amount = textOf(sent.units, sent.asset);
    sent.isUnderWay = false;
    if (asked.type === 'complete-transfer') return yes(asked, 'transfer-completed', { amount });
    change(asked, sent.asset, sent.units, '@transit');
    if (sent.reverses !== undefined) reversed.delete(sent.reverses);
    return yes(asked, 'transfer-returned', { amount, reason: asked.reason }, sent.asset);
  }

  function reverse(asked: RequestOf<'reverse'>, book: Book): Verdict {
    const stopped = halted(book);
    if (stopped) return stopped;
    const entry = entries.get(asked.entry);
    if (entry === undefined || entry.account !== asked.account) return no('entry_not_found');
    const { type, asset, units, from } = entry;
    const inPlace = ['deposited', 'withdrawn', 'coin-updated', 'coin-removed'].includes(type);
    if (!inPlace && type !== 'transfer-received') return no('not_reversible', { entryType: type });
    if (reversed.has(asked.entry)) return no('already_reversed');
    const refusal = units > 0n ? notThere(book, asset, units) : tooMuch(asked.account, asset, -units);
    if (refusal) return refusal;
    reversed.add(asked.entry);
    if (from !== undefined) return send(asked, from, asset, units, asked.entry);
    change(asked, asset, -units, type.startsWith('coin') ? '@portfolio' : '@world');
    return yes(asked, 'entry-reversed', { amount: textOf(-units, asset), reverses: idText(asked.entry), reversedType: type }, asset);
  }

  function close(asked: Request, book: Book): Verdict {
    if (book.status === 'closed') return no('account_closed');
    const isEmpty = ASSET_NAMES.every((asset) => totalOf(asked.account, asset) === 0n);
    if (!isEmpty) return no('account_not_empty');
    book.status = 'closed';
    return yes(asked, 'account-closed');
  }

  function judged(asked: Request, book: Book, timeMs: number): Verdict {
    if (asked.type === 'open-account') {
      if (book.status !== 'none') return noTrace('already_exists');
      book.status = 'open';
      return yes(asked, 'account-opened');
    }
    if (book.status === 'none') return noTrace('account_not_found');
    switch (asked.type) {
      case 'deposit':
      case 'withdraw':
        return payment(asked, book, timeMs);
      case 'update-coin':
      case 'remove-coin':
        return coins(asked, book, timeMs);
      case 'place-hold':
        return placeHold(asked, book);
      case 'capture-hold':
        return captureHold(asked, book, timeMs);
      case 'release-hold':
        return releaseHold(asked, book);
      case 'expire-hold':
        return expireHold(asked, timeMs);
      case 'place-order':
        return placeOrder(asked, book);
      case 'fill-order':
        return fillOrder(asked, book);
      case 'cancel-order':
        return cancelOrder(asked, book);
      case 'expire-order':
        return expireOrder(asked, timeMs);
      case 'transfer':
        return sendTransfer(asked, book, timeMs);
      case 'receive-transfer':
        return receive(asked, book);
      case 'complete-transfer':
      case 'return-transfer':
        return endTransfer(asked);
      case 'reverse':
        return reverse(asked, book);
      case 'freeze-account': {
        const stopped = halted(book);
        if (!stopped) book.status = 'frozen';
        return stopped ?? yes(asked, 'account-frozen');
      }
      case 'unfreeze-account':
        if (book.status === 'closed') return no('account_closed');
        book.status = 'open';
        return yes(asked, 'account-unfrozen');
      case 'close-account':
        return close(asked, book);
      case 'set-limits':
        if (book.status === 'closed') return no('account_closed');
        book.limits[asked.asset] = { perWithdrawal: asked.perWithdrawal, perDay: asked.perDay };
        return yes(asked, 'limits-set');
      default:
        return assertNever(asked);
    }
  }

  return {
    /** What must come of it. It has then come of it. */
    answer(asked: Request): Answer {
      const book = bookOf(asked.account);
      const timeMs = Math.max(asked.clockMs, book.lastMs);
      const verdict = judged(asked, book, timeMs);
      if (verdict.isKept) {
        book.lastMs = timeMs;
        book.revision += 1;
      }
      return verdict;
    },
    status: (account: number): Status => bookOf(account).status,
    available: (account: number, asset: AssetName): bigint => bookOf(account).available[asset],
    held: heldIn,
    outside: (place: Place, asset: AssetName): bigint => outside[place][asset],
  };
}
export type Oracle = ReturnType<typeof makeOracle>;
