export { AnswerError, classifyHttp, commonRules, type HttpRule } from "./classify.ts";
export { HttpClient, type Answer, type CallOptions, type Dialect, type UploadForm } from "./client.ts";
export { placeOf, type Credentials, type Endpoint } from "./endpoint.ts";
