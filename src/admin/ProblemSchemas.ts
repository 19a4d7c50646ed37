import { Record, Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { catalogue, typeBase, type ProblemType } from "../http/Problems.ts"

/** RFC 9457 documents, one schema for each type in the catalogue (SPEC 10). */
export const problemSchemas = Record.map(catalogue, ({ status, title, about }: ProblemType, slug) =>
  Schema.StructWithRest(
    Schema.Struct({
      type: Schema.Literal(typeBase + slug),
      title: Schema.Literal(title),
      status: Schema.Literal(status),
      detail: Schema.String,
      instance: Schema.String,
      correlation_id: Schema.String,
    }),
    [Schema.Record(Schema.String, Schema.Unknown)],
  )
    .annotate({
      identifier: slug.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase()),
      description: about,
    })
    .pipe(HttpApiSchema.status(status), HttpApiSchema.asJson({ contentType: "application/problem+json" })),
)
