import { createInterface } from 'node:readline';
import { type InputLine, inputLines } from './input-lines.ts';

/** What is typed, or comes through a pipe, line by line. */
export interface ChatLines {
  /** The next line, asked for where a person types; null at the end of the input (Ctrl-D). */
  next(): Promise<InputLine | null>;
  close(): void;
}

/** The lines of this process's stdin. The prompt goes to stderr: stdout is for answers. */
export function chatLines(): ChatLines {
  return process.stdin.isTTY ? typedLines() : pipedLines();
}

function pipedLines(): ChatLines {
  const lines = inputLines(process.stdin);
  return {
    async next() {
      const { value, done } = await lines.next();
      return done ? null : value;
    },
    close: () => process.stdin.destroy(),
  };
}

function typedLines(): ChatLines {
  const typed: string[] = [];
  let isOver = false;
  let isAsking = false;
  let wake = (): void => {};
  const reader = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
  // What is said next does not stand behind a prompt that nothing was typed at.
  const leavePrompt = (): void => {
    if (isAsking) process.stderr.write('\n');
    isAsking = false;
  };
  reader.on('line', (line) => {
    isAsking = false;
    typed.push(line);
    wake();
  });
  reader.on('close', () => {
    isOver = true;
    leavePrompt();
    wake();
  });
  // While a line is typed the terminal sends no signal: the reader hears of Ctrl-C.
  reader.on('SIGINT', () => {
    leavePrompt();
    process.kill(process.pid, 'SIGINT');
  });
  return {
    async next() {
      if (typed.length === 0 && !isOver) {
        isAsking = true;
        reader.prompt();
        await new Promise<void>((done) => (wake = done));
      }
      const line = typed.shift();
      return line === undefined ? null : { text: line };
    },
    close: () => reader.close(),
  };
}
