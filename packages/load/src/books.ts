// The client's own books: what every acknowledged command did, by its own arithmetic and not by the balances in the answer.
import type { Applied, Command, CommandOf } from '@ledgerfold/client';
import type { AccountBook } from './account-book.ts';
import { lines, makeAccountBook } from './account-book.ts';
import type { Asset } from './money.ts';
import { amountOf, minorOf, SCALES, scaleOf } from './money.ts';
import { assertNever } from './steps.ts';

/** An answer says something else than what was asked for. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export interface Books {
  of(accountId: string): AccountBook;
  /** Books an acknowledged command, once. @throws WrongAnswer where the answer cannot be right; what could be booked then is. */
  applied(command: Command, answer: Applied): void;
}

const isAsset = (code: string): code is Asset => Object.hasOwn(SCALES, code);
/** The scale of an asset of this load. */
function known(code: string): Asset {
  if (!isAsset(code)) throw new WrongAnswer(`nothing was sent in ${code}`);
  return code;
}
const insist = (holds: boolean, what: string): void => {
  if (!holds) throw new WrongAnswer(what);
};
/** A field of an answer's result. */
function resultOf(answer: Applied, field: string): string {
  const value: unknown = Object.entries(answer.result).find(([name]) => name === field)?.[1];
  if (typeof value !== 'string') throw new WrongAnswer(`the answer's result has no ${field}`);
  return value;
}

export function makeBooks(): Books {
  const accounts = new Map<string, AccountBook>();
  const of = (accountId: string): AccountBook => {
    const found = accounts.get(accountId) ?? makeAccountBook();
    accounts.set(accountId, found);
    return found;
  };

  function change(accountId: string, code: string, availableMinor: bigint, heldMinor = 0n): void {
    of(accountId).change(code, SCALES[known(code)], availableMinor, heldMinor);
  }
  const inMinor = (code: string, amount: string): bigint => minorOf(amount, SCALES[known(code)]);

  function updateCoin({ accountId, symbol, quantity }: CommandOf<'update-coin'>, answer: Applied): void {
    const [coin, said] = [resultOf(answer, 'symbol'), resultOf(answer, 'quantity')];
    insist(symbol.toUpperCase().startsWith(coin), `${symbol} is said to be ${coin}`);
    const quantityMinor = inMinor(coin, quantity);
    change(accountId, coin, quantityMinor);
    insist(inMinor(coin, said) === quantityMinor, `${said} ${coin} are said to have come, not ${quantity}`);
  }

  function placeHold({ accountId, asset, amount }: CommandOf<'place-hold'>, answer: Applied): void {
    const amountMinor = inMinor(asset, amount);
    change(accountId, asset, -amountMinor, amountMinor);
    const hold = { asset, scale: SCALES[known(asset)], amountMinor, remainingMinor: amountMinor };
    of(accountId).keepHold(resultOf(answer, 'holdId'), hold);
  }

  function capture({ accountId, holdId, amount }: CommandOf<'capture-hold'>, answer: Applied): void {
    const book = of(accountId);
    const hold = book.hold(holdId);
    if (hold === undefined) throw new WrongAnswer(`hold ${holdId} was captured, but is not open`);
    const takenMinor = amount === undefined ? hold.remainingMinor : minorOf(amount, hold.scale);
    const left = { ...hold, remainingMinor: hold.remainingMinor - takenMinor };
    change(accountId, hold.asset, 0n, -takenMinor);
    if (left.remainingMinor === 0n) book.closeHold(holdId, left, 'captured');
    else book.keepHold(holdId, left);
    const said = resultOf(answer, 'remaining');
    insist(minorOf(said, hold.scale) === left.remainingMinor, `${said} ${hold.asset} are said to remain in hold ${holdId}`);
  }

  function release({ accountId, holdId }: CommandOf<'release-hold'>): void {
    const book = of(accountId);
    const hold = book.hold(holdId);
    if (hold === undefined) throw new WrongAnswer(`hold ${holdId} was released, but is not open`);
    change(accountId, hold.asset, hold.remainingMinor, -hold.remainingMinor);
    book.closeHold(holdId, hold, 'released');
  }

  function placeOrder({ accountId, tokenIn, tokenOut, amountIn }: CommandOf<'place-order'>, answer: Applied): void {
    const amountMinor = inMinor(tokenIn, amountIn);
    change(accountId, tokenIn, -amountMinor, amountMinor);
    of(accountId).keepOrder(resultOf(answer, 'orderId'), {
      tokenIn,
      tokenOut,
      inScale: SCALES[known(tokenIn)],
      outScale: SCALES[known(tokenOut)],
      inMinor: amountMinor,
      filledInMinor: 0n,
      filledOutMinor: 0n,
    });
  }

  function fill({ accountId, orderId, amountIn, amountOut, fee }: CommandOf<'fill-order'>, answer: Applied): void {
    const book = of(accountId);
    const order = book.order(orderId);
    if (order === undefined) throw new WrongAnswer(`order ${orderId} was filled, but is not open`);
    const [paidMinor, gotMinor] = [minorOf(amountIn, order.inScale), minorOf(amountOut, order.outScale)];
    change(accountId, order.tokenIn, 0n, -paidMinor);
    change(accountId, order.tokenOut, gotMinor - (fee === undefined ? 0n : minorOf(fee.amount, order.outScale)));
    const filled = {
      ...order,
      filledInMinor: order.filledInMinor + paidMinor,
      filledOutMinor: order.filledOutMinor + gotMinor,
    };
    const isWhole = filled.filledInMinor === filled.inMinor;
    if (isWhole) book.closeOrder(orderId, filled, 'executed');
    else book.keepOrder(orderId, filled);
    const said = resultOf(answer, 'orderStatus');
    insist(said === (isWhole ? 'executed' : 'pending'), `order ${orderId} is said to be ${said}`);
  }

  function cancel({ accountId, orderId }: CommandOf<'cancel-order'>): void {
    const book = of(accountId);
    const order = book.order(orderId);
    if (order === undefined) throw new WrongAnswer(`order ${orderId} was cancelled, but is not open`);
    const leftMinor = order.inMinor - order.filledInMinor;
    change(accountId, order.tokenIn, leftMinor, -leftMinor);
    book.closeOrder(orderId, order, 'cancelled');
  }

  /** Nobody's account is ever frozen or closed here, so every transfer arrives: books are compared when it has. */
  function transfer({ accountId, to, asset, amount }: CommandOf<'transfer'>, answer: Applied): void {
    const amountMinor = inMinor(asset, amount);
    const amountSaid = amountOf(known(asset), amountMinor);
    const line = lines.transfer(resultOf(answer, 'transferId'), accountId, to, asset, amountSaid, 'completed');
    change(accountId, asset, -amountMinor);
    change(to, asset, amountMinor);
    of(accountId).transferred(line);
    of(to).transferred(line);
  }

  function book(command: Command, answer: Applied): void {
    const { accountId } = command;
    switch (command.type) {
      case 'deposit':
        change(accountId, command.asset, inMinor(command.asset, command.amount));
        break;
      case 'withdraw':
        change(accountId, command.asset, -inMinor(command.asset, command.amount));
        break;
      case 'update-coin':
        updateCoin(command, answer);
        break;
      case 'remove-coin':
        // How many there were is the ledger's to say; whether that is right shows when the books are compared.
        change(accountId, resultOf(answer, 'symbol'), -inMinor(resultOf(answer, 'symbol'), resultOf(answer, 'quantity')));
        break;
      case 'transfer':
        transfer(command, answer);
        break;
      case 'place-hold':
        placeHold(command, answer);
        break;
      case 'capture-hold':
        capture(command, answer);
        break;
      case 'release-hold':
        release(command);
        break;
      case 'place-order':
        placeOrder(command, answer);
        break;
      case 'fill-order':
        fill(command, answer);
        break;
      case 'cancel-order':
        cancel(command);
        break;
      case 'open-account':
      case 'reverse':
      case 'freeze-account':
      case 'unfreeze-account':
      case 'close-account':
      case 'set-limits':
        throw new WrongAnswer(`a load sends no ${command.type}`);
      default:
        assertNever(command);
    }
  }

  return {
    of,
    applied(command, answer) {
      of(command.accountId).saw(answer.position);
      book(command, answer);
      for (const { asset, available, held } of answer.balances) {
        const isWhole = scaleOf(available) === SCALES[known(asset)] && scaleOf(held) === scaleOf(available);
        insist(
          isWhole && !available.startsWith('-') && !held.startsWith('-'),
          `the balance is said to be ${available} ${asset}, ${held} held`,
        );
      }
    },
  };
}
