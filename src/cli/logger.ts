import { type Logger, pino } from 'pino';

/** The logger of a command: JSON lines on stderr. */
export function stderrLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
