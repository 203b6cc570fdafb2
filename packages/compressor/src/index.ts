export { type CodecOptions, codecs, createCodec } from "./codec.ts";
