import { describeLive } from "../Live.ts"
import { trialTasksOverHttp } from "./TrialTasksOverHttp.ts"

await describeLive("Trial tasks, counted in Redis", "TEST_REDIS_URL", (url) => {
  trialTasksOverHttp({ REDIS_LAYER: "ioredis", REDIS_URL: url })
})
