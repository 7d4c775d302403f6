// The position and the network that the stations look at. One for the page, so that a position goes along from station to station.
import { get } from "../../lib/api";
import { RULE_SETS, illegal, messageOf, positionOf, sideToPlay, type Position, type PositionMessage } from "../../lib/go";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import { Tree, lineTo, makeNode, type Colour } from "../../lib/tree";
import { named } from "../board/numbers";
import { about, beginning, usable, type Model } from "../board/settings";
import { pending } from "./answers";
import type { NetworkInside } from "./messages";

// the first moves of one of the project's sample games
const SAMPLE =
  "cdpqqddqocecicdecedfcfdgchqndciefcedebqfpirdrcpdpcqeqcridococncpdnfqeigegbekcknipgqhphqjpjqknkngpkolplomnjmilkjkkjkhjjikijhkjgjh";

function sample(): Tree {
  const tree = new Tree();
  for (let k = 0; k < SAMPLE.length; k += 2) tree.add({ [k % 4 === 0 ? "B" : "W"]: [SAMPLE.slice(k, k + 2)] });
  return tree;
}

export class LessonSession extends Store {
  tree = sample();
  models: Model[] = [];
  /** The network that is looked into: a name, or null for the server's first one. */
  model: string | null = null;
  network: NetworkInside | null = null;
  /** Why there is no network to look into. */
  error = "";
  /** What a move was refused for. */
  refused = "";
  private begun = false;

  get position(): Position {
    return positionOf(this.tree.at);
  }

  get side(): Colour {
    return sideToPlay(this.tree.at);
  }

  get message(): PositionMessage {
    return messageOf(this.tree.at, this.tree.root, "chinese");
  }

  /** Learn which networks there are, and open one. */
  async begin(): Promise<void> {
    if (this.begun) return;
    this.begun = true;
    try {
      const found = await pending.during(about(), false);
      this.models = usable(found);
      this.model ??= beginning(found);
      await this.open(this.model);
    } catch (error) {
      this.begun = false;
      this.error = (error as Error).message;
      this.changed();
      // until the server is there
      setTimeout(() => void this.begin(), 2000);
    }
  }

  /** Look into another network. */
  async open(model: string | null): Promise<void> {
    this.model = model;
    this.network = null;
    this.error = "";
    this.changed();
    try {
      const network = await pending.during(get<NetworkInside>(`/api/lesson/network${model === null ? "" : `?model=${encodeURIComponent(model)}`}`), false);
      if (this.model === model) this.network = network;
    } catch (error) {
      if (this.model === model) this.error = (error as Error).message;
    }
    this.changed();
  }

  play(point: number): void {
    const move = { colour: this.side, point };
    const why = illegal(this.position, move, RULE_SETS.chinese);
    this.refused = why ? t(`illegal.${why}`, { move: named(point) }) : "";
    if (!why) this.tree.play(move);
    this.changed();
  }

  step(count: number): void {
    this.refused = "";
    this.tree.step(count);
    this.changed();
  }

  /** An empty board. */
  clear(): void {
    this.show(new Tree());
  }

  /** The sample position. */
  restore(): void {
    this.show(sample());
  }

  /** The game of the Board page, at the place where it is. */
  async take(): Promise<void> {
    const { session } = await import("../board/session");
    if (session.tree.size === 1) await session.records.restore();
    // a copy of the line, so that what is played here does not go into that game
    const [root, ...line] = lineTo(session.tree.at);
    const tree = new Tree(makeNode({ ...root.props }));
    for (const node of line) tree.add({ ...node.props });
    this.show(tree);
  }

  private show(tree: Tree): void {
    this.tree = tree;
    this.refused = "";
    this.changed();
  }
}

export const lesson = new LessonSession();
