import { type Answer, route, type Script, sequence, type Turn } from '../../src/model-endpoint/index.ts';

/**
 * The model of the demo where there is no real one. It decides on nothing but what a request holds, as a model does: which
 * files it was given, what was refused.
 */
export const demoScript: Script = route([
  { system: 'You watch parcels', play: watchParcel },
  { user: 'refund', play: sequence([askForTooMuch, tellRefusals]) },
  { play: sequence([readOrder, answerFromFiles]) },
]);

function orderIn(turn: Turn): string {
  return /\d{4}/.exec(turn.messages[0]?.text ?? '')?.[0] ?? '4521';
}

function readOrder(turn: Turn): Answer {
  const paths = [`orders/${orderIn(turn)}.md`, 'policies/shipping.md'];
  return {
    say: 'I look at the order and at what we promise.',
    call: paths.map((path) => ({ tool: 'read_text_file', args: { path } })),
  };
}

function answerFromFiles({ lastToolResults }: Turn): Answer {
  const text = lastToolResults.map((result) => result.text).join('\n');
  const found = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '(the file does not say)';
  const status = found(/Status: (.+)/);
  const parcel = found(/Parcel: (.+)/);
  const rule = found(/(Standard shipping takes [^.]+\.)/);
  return { say: `Your order was ${status}, as parcel ${parcel}. ${rule} So it is on its way.` };
}

function askForTooMuch(turn: Turn): Answer {
  const order = orderIn(turn);
  return {
    say: 'I pay it back, and delete the order.',
    call: [
      { tool: 'refund', args: { order, amount: 250, reason: 'The customer asked for it.' } },
      { tool: 'delete_file', args: { path: `orders/${order}.md` } },
    ],
  };
}

function tellRefusals({ lastToolResults }: Turn): Answer {
  const reasons = lastToolResults.map(({ text }) => /"reason":"(\w+)"/.exec(text)?.[1] ?? 'done');
  return {
    say: `I am sorry, I may do neither: the refund was refused (${reasons[0] ?? ''}), and so was deleting the order (${reasons[1] ?? ''}). A person of the finance team decides about 250 USD.`,
  };
}

function watchParcel(turn: Turn): Answer {
  return {
    say: `Check ${turn.index + 1}: still in transit, expected tomorrow. I look again.`,
    call: [{ tool: 'track_parcel', args: { parcel: 'NL-4521' } }],
  };
}
