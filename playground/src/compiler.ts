// Asks the worker, one question at a time. A question that nobody wants answered any more when its turn comes is left out.
import type { Question } from "./messages";

const LONGEST = 30_000; // milliseconds for an answer; a text that takes longer is given up
const LOADING = 180_000; // for the first one, which waits for the compiler itself

/** Why there is no answer, in words for the user. */
export class Unanswered extends Error {}

export class Compiler {
  private worker: Worker | undefined;
  private last: Promise<unknown> = Promise.resolve();

  /** The answer, or undefined if it is not wanted any more. */
  ask<Answer>(question: Question, wanted: () => boolean): Promise<Answer | undefined> {
    const answer = this.last.then(() => (wanted() ? this.post<Answer>(question) : undefined));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  private post<Answer>(question: Question): Promise<Answer> {
    const patience = this.worker === undefined ? LOADING : LONGEST;
    const worker = (this.worker ??= new Worker("worker.js", { type: "module" }));
    return new Promise((resolve, reject) => {
      const giveUp = (why: string): void => {
        worker.terminate();
        this.worker = undefined; // the next question starts another one
        reject(new Unanswered(why));
      };
      const timer = setTimeout(() => giveUp("this takes too long to look at here"), patience);
      worker.onmessage = ({ data }: MessageEvent<string>) => {
        clearTimeout(timer);
        const answer = JSON.parse(data);
        if (answer.broken !== undefined) giveUp(`the compiler stopped: ${answer.broken}`);
        else if (answer.error !== undefined) reject(new Unanswered(answer.error));
        else resolve(answer);
      };
      worker.onerror = () => {
        clearTimeout(timer);
        giveUp("the compiler could not be loaded");
      };
      worker.postMessage(JSON.stringify(question));
    });
  }
}
