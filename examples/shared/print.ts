import process from 'node:process';
import pc from 'picocolors';

/** Widest text, in columns. */
const WIDEST = 96;

/** Columns that text may take. */
export function columns(): number {
  return Math.min(process.stdout.columns ?? 80, WIDEST + 1) - 1;
}

/** One line on stdout. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Text, broken into lines between words, each indented. */
export function wrap(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + longer.length > columns()) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  lines.push(line);
  return lines.map((one) => indent + one).join('\n');
}

/** `name   value`, the value broken under itself. */
export function field(name: string, value: string, width = 10): void {
  const indent = ' '.repeat(width + 3);
  const body = wrap(value, indent).slice(indent.length);
  say(`   ${pc.dim(name.padEnd(width))}${body}`);
}

/** Nano-USD with so many digits that the limits of examples can be told apart. */
export function usd(usdNano: number): string {
  return `${(usdNano / 1e9).toFixed(6)} USD`;
}
