import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client';
import { limitText } from '../limit.ts';
import type { ToolResult } from '../tool.ts';

/** An MCP result as text: the texts of its parts, or its structured content when it has no parts, cut at `maxBytes`. */
export function toolResultOf(result: CallToolResult, maxBytes: number): ToolResult {
  const parts = result.content.map(textOf);
  const structured = parts.length === 0 && result.structuredContent !== undefined;
  const text = structured ? JSON.stringify(result.structuredContent) : parts.join('\n');
  return { text: limitText(text.toWellFormed(), maxBytes), isError: result.isError === true };
}

/** What is not text is told of: a text that a model reads can not hold it. */
function textOf(part: ContentBlock): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio':
      return `[${part.type} ${part.mimeType} ${bytesOfBase64(part.data)} bytes]`;
    case 'resource_link':
      return `[resource_link ${part.uri} ${part.mimeType ?? part.name}]`;
    default:
      return resourceText(part.resource);
  }
}

/** An embedded text is what the tool was asked for, and often all that it answers with: it is shown. */
function resourceText(resource: (ContentBlock & { readonly type: 'resource' })['resource']): string {
  const head = `resource ${resource.uri} ${resource.mimeType ?? 'application/octet-stream'}`;
  if ('text' in resource) return `[${head}]\n${resource.text}`;
  return `[${head} ${bytesOfBase64(resource.blob)} bytes]`;
}

function bytesOfBase64(data: string): number {
  return Buffer.byteLength(data, 'base64');
}
