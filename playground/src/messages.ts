// What the page asks of the compiler, and what it is told: the same as in answers.py. Places count UTF-16 units.

export type Question =
  | { ask: "look"; text: string; line: number; network: string; whole: boolean }
  | { ask: "complete"; text: string; at: number }
  | { ask: "hover"; text: string; at: number }
  | { ask: "picture"; network: string; state: string }
  | { ask: "table"; network: string; kind: string; choice: string }
  | { ask: "text"; network: string }
  | { ask: "zoo" };

export interface Place {
  from: number;
  to: number;
}

export interface Edit extends Place {
  text: string;
}

export interface Fix {
  title: string;
  edits: Edit[];
}

export interface Finding extends Place {
  code: string;
  severity: "error" | "warning";
  message: string;
  notes: string[];
  labels: (Place & { text: string })[];
  fixes: Fix[];
}

export interface Hint {
  at: number;
  text: string;
}

/** `networks` says where each begins; only a look at the whole text knows all of them. */
export interface Look {
  whole: boolean;
  network: string;
  networks: Record<string, number>;
  findings: Finding[];
  hints: Hint[];
}

/** A word that could stand there: `text` is put in where that is more than the word. */
export interface Completion {
  word: string;
  kind: string;
  detail: string;
  documentation: string;
  text: string;
}

/** What is known of a word, in Markdown. */
export interface About extends Place {
  text: string;
}

export interface Zoo {
  files: Record<string, string[]>;
}
