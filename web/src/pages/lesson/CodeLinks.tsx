// The code behind a station, read from the installation that runs.
import { useState } from "preact/hooks";
import { t } from "../../lib/text";
import { useAnswer } from "./answers";
import type { Code } from "./messages";

function CodeLink({ path, label }: { path: string; label: string }) {
  const [open, setOpen] = useState(false);
  const { value, error } = useAnswer<Code>(path, open ? undefined : null);
  return (
    <details class="code" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{label}</summary>
      {error && <p class="error" role="alert">{error}</p>}
      {value && (
        <>
          <p class="soft"><code>{`${value.path}:${value.line} ${value.name}`}</code></p>
          <pre tabIndex={0} aria-label={t("code.of", { name: value.name })}><code>{value.text}</code></pre>
        </>
      )}
    </details>
  );
}

/** links: what each shows, and the name by which `base` answers with it. */
export function CodeLinks({ links, base = "/api/lesson/code/" }: { links: readonly { name: string; label: string }[]; base?: string }) {
  return (
    <section class="card codes" aria-labelledby="codes">
      <h2 id="codes">{t("code.title")}</h2>
      {links.map(({ name, label }) => <CodeLink key={name} path={base + name} label={label} />)}
    </section>
  );
}
