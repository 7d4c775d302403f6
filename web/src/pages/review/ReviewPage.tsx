// Records in, reviews out: drop, progress, the games found, and the one that is looked at.
import { useEffect } from "preact/hooks";
import { Drop, type DroppedFile } from "../../parts/Drop";
import { hashOf } from "../../lib/link";
import { GAMES, holdsGames, isPictureFile } from "../../lib/kinds";
import { said } from "../../lib/said";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { percent } from "../board/numbers";
import { whole } from "../lesson/numbers";
import { ReviewView } from "./ReviewView";
import { job, type FoundGame, type ReviewJob } from "./job";
import { MOST_BYTES, MOST_GAMES, VISITS } from "./limits";
import type { Reviewed } from "./reviewed";
import "../board/page.css";
import "./review.css";

export default function ReviewPage() {
  useStore(job);
  useEffect(() => {
    const begin = () => void job.begin();
    begin();
    // a link to another review
    addEventListener("hashchange", begin);
    return () => removeEventListener("hashchange", begin);
  }, []);
  const take = (files: DroppedFile[]) => {
    // a folder holds other things, too; a file that was chosen by itself is meant
    const records = files.length > 1 ? files.filter(({ name }) => holdsGames(name)) : files.filter((file) => !isPictureFile(file));
    const picture = files.find(isPictureFile);
    if (records.length === 0 && picture) job.complain(t("drop.picture", { name: picture.name, page: t("page.photos") }));
    else if (records.length > 0) void job.start(records);
    else job.complain(t("review.nothing"));
  };
  const { reviewed, games } = job;
  return (
    <div class="reviewing">
      {!reviewed && <h1 class="visually-hidden">{t("page.review")}</h1>}
      <section class={reviewed || games.length > 0 ? "card intake small" : "card intake"} aria-label={t("review.intake")}>
        {!reviewed && games.length === 0 && <p>{t("review.about")}</p>}
        <div class="row">
          <Drop accept={GAMES.join(",")} hint={t("review.drop")} multiple wanted={holdsGames} textName="pasted.sgf" onFiles={take} />
          <label class="button">
            <input class="visually-hidden" type="file" {...{ webkitdirectory: true }} onChange={(event) => {
              const input = event.currentTarget;
              const files = [...(input.files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, data: file as Blob }));
              if (files.length > 0) take(files.length > 1 ? files : files.filter(({ name }) => holdsGames(name)));
              input.value = "";
            }} />
            <span>{t("review.folder")}</span>
          </label>
          {job.models.length > 1 && (
            <label class="field">
              <span>{t("network.model")}</span>
              <select value={job.network?.name} onChange={(event) => job.choose({ model: event.currentTarget.value })}>
                {job.models.map((model) => <option key={model.name} value={model.name}>{said(model.title)}</option>)}
              </select>
            </label>
          )}
          {job.network?.has_value && (
            <label class="field">
              <span>{t("review.visits")}</span>
              <select value={job.visits} title={t("review.visitsAbout")} onChange={(event) => job.choose({ visits: Number(event.currentTarget.value) })}>
                {VISITS.map((visits) => <option key={visits} value={visits}>{visits === 0 ? t("review.glance") : t("verdict.visits", { visits })}</option>)}
              </select>
            </label>
          )}
        </div>
        {!reviewed && games.length === 0 && <p class="soft">{t("review.limits", { megabytes: MOST_BYTES >> 20, games: MOST_GAMES })}</p>}
        <Progress job={job} />
        {job.error && <p class="error" role="alert">{job.error}</p>}
      </section>
      {(games.length > 1 || job.skipped.length > 0) && <Games job={job} />}
      {reviewed && <ReviewView key={job.chosen + job.name} reviewed={reviewed} actions={<Actions job={job} reviewed={reviewed} />} />}
    </div>
  );
}

function Progress({ job }: { job: ReviewJob }) {
  if (!job.busy) return null;
  const { progress } = job;
  return (
    <div class="row progress">
      <progress max={progress?.of_moves || 1} value={progress ? progress.moves : undefined} aria-label={t("review.progress")} />
      <span role="status">
        {job.lost ? t("verdict.lost") : progress
          ? t("review.soFar", { games: progress.games, of: progress.of_games, moves: whole(progress.moves), all: whole(progress.of_moves) })
          : t(job.state === "sending" ? "review.sending" : "review.waiting", { name: job.name })}
      </span>
      <button onClick={() => job.cancel()}>{t("review.cancel")}</button>
    </div>
  );
}

/** Bring the game into view, below a list that may be long. */
const show = () => requestAnimationFrame(() => document.querySelector(".reviewpage")?.scrollIntoView({ block: "start" }));

const agreed = (value: number | null) => (value === null ? "–" : `${percent(value)} %`);

function Games({ job }: { job: ReviewJob }) {
  const { games, skipped, chosen } = job;
  return (
    <section class="card" aria-label={t("games.title")}>
      <h2>{t("games.title")}</h2>
      {games.length > 0 && (
        <div class="scrolled games">
          <table>
            <thead>
              <tr>
                <th scope="col">{t("games.file")}</th>
                <th scope="col">{t("games.players")}</th>
                <th scope="col">{t("games.result")}</th>
                <th scope="col">{t("games.moves")}</th>
                <th scope="col">{t("games.agreement")}</th>
              </tr>
            </thead>
            <tbody>{games.map((game) => <GameRow key={game.number} game={game} here={game.number === chosen} onOpen={() => void job.open(game.number).then(show)} />)}</tbody>
          </table>
        </div>
      )}
      {skipped.length > 0 && (
        <details>
          <summary>{t("games.skipped", { count: skipped.length })}</summary>
          <ul>{skipped.map((line, k) => <li key={k}>{said(line)}</li>)}</ul>
        </details>
      )}
    </section>
  );
}

function GameRow({ game, here, onOpen }: { game: FoundGame; here: boolean; onOpen: () => void }) {
  const players = `${game.black || "?"} – ${game.white || "?"}`;
  return (
    <tr class={here ? "pointed" : ""}>
      <th scope="row"><button class="plain" aria-current={here ? "true" : undefined} onClick={onOpen}><span class="clamped" title={game.name}>{game.name}</span></button></th>
      <td><span class="clamped" title={players}>{players}</span></td>
      <td><span class="clamped" title={game.result}>{game.result}</span></td>
      <td>{game.moves}{game.trouble && <span class="error" title={said(game.trouble)}> !<span class="visually-hidden">{said(game.trouble)}</span></span>}</td>
      <td>{agreed(game.agreement[0])} · {agreed(game.agreement[1])}</td>
    </tr>
  );
}

/** What can be done with a game: save it, look at it on the board. */
function Actions({ job, reviewed }: { job: ReviewJob; reviewed: Reviewed }) {
  useStore(job);
  const sgf = job.address(job.chosen, "sgf");
  const html = job.address(job.chosen, "html");
  return (
    <div class="row actions">
      {sgf && <a class="button" href={sgf} download title={t("save.sgfAbout")}>{t("save.sgf")}</a>}
      {html && <a class="button" href={html} download title={t("save.htmlAbout")}>{t("save.html")}</a>}
      <button onClick={() => void hashOf(reviewed.game.tree).then((hash) => location.assign(`/${hash}`))}>{t("save.board")}</button>
    </div>
  );
}
