import pc from 'picocolors';
import { line, followed, heading, type PartInput, type Shortcoming } from '../part.ts';
import { field, usd } from '../../shared/print.ts';

/** A support agent reads files through an MCP server and answers. */
export async function answerPart(input: PartInput): Promise<Shortcoming> {
  heading(
    1,
    'An agent reads real files and answers',
    'The agent asks for tools, aegrail decides. Each call reserves what it may cost at most before it starts, and is recorded before it runs. The files come from the official filesystem MCP server, the answers from a model over HTTP.',
  );
  const question = 'Where is my order 4521, and when should it be here?';
  field('Ann asks', question);
  let filesRead = 0;
  const result = await followed(
    input,
    { session: 'demo-1-answer', agent: 'support-bot', user: 'ann@acme.com', input: question },
    (record) => {
      if (record.event === 'llm_call') {
        const { posted, tool_calls_asked: asked = 0 } = record.payload;
        const did = asked > 0 ? `asked for ${asked} tool ${asked === 1 ? 'call' : 'calls'}` : 'answered';
        line(pc.cyan('model'), `${did}, ${posted.tokens} tokens, ${usd(posted.usd_nano)}`);
      }
      if (record.event === 'tool_call') {
        const { tool, ok, elapsed_ms: ms, result: read } = record.payload;
        if (ok && tool === 'read_text_file') filesRead += 1;
        line(pc.cyan('tool '), `${tool} ${ok ? `gave ${read?.bytes ?? 0} bytes` : 'failed'}, ${ms} ms`);
      }
    },
  );
  field('answer', result.answer ?? `none: ${result.why ?? result.outcome}`);
  field(
    'spent',
    `${result.budget.usd_used} USD of 0.50, ${result.budget.tokens_used} tokens, ${result.budget.tool_calls} tool calls`,
  );
  if (result.outcome !== 'answered') return `the session ended as ${result.outcome}: ${result.why ?? ''}`;
  return filesRead > 0 ? null : 'the model answered without reading a file';
}
