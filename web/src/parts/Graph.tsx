// A graph of one or more series over one axis, by uPlot; the same numbers stand in a table for who cannot see it.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../lib/text";

export interface Series {
  label: string;
  /** Numbers or gaps (null), as many as there are `x`. */
  values: (number | null)[];
  /** A CSS colour, or a variable of the style as `--accent`. */
  colour?: string;
  dashed?: boolean;
  /** Fill the area between the line and this value. */
  fillTo?: number;
  /** Whether a gap stays one: no line is drawn over what is not known, and what stands alone is a point. */
  gaps?: boolean;
  /** Which scale: series with different units have their own axis, `y` on the left, `y2` on the right. */
  scale?: "y" | "y2";
  /** In pixels; 2 if it is left out. */
  width?: number;
  /** Whether each value is a point, too; if it is left out, only where there are few. */
  points?: boolean;
}

/** A star at a place of the left scale. */
export interface Mark {
  x: number;
  y: number;
  colour: string;
}

export interface GraphProps {
  /** What the graph shows, in words. */
  label: string;
  xLabel: string;
  x: number[];
  series: Series[];
  height?: number;
  /** Least and most by scale; what the values need if it is left out. */
  range?: Partial<Record<"y" | "y2", [number, number]>>;
  /** Least and most along x; what there is if it is left out. */
  rangeX?: [number, number];
  /** Where one is: an upright line. */
  at?: number;
  marks?: Mark[];
  /** Without a legend, where the page has one for several graphs. */
  noLegend?: boolean;
  /** How a place along x is written on the axis and in the table. */
  formatX?: (x: number) => string;
  /** How a value is written on the axis and in the table. */
  format?: (value: number, scale: "y" | "y2") => string;
  logarithmic?: boolean;
  /** Only whole numbers along x. */
  wholeX?: boolean;
  /** Called with the x that was clicked. */
  onPick?: (x: number) => void;
}

function colourOf(name: string): string {
  return name.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name;
}

const COLOURS = ["--accent", "--white-side", "--soft"];
const plain = (value: number) => String(Math.round(value * 1000) / 1000);

const LARGEST = 1e9;
/** Steps between whole numbers: 1, 2, 5, 10, ... */
const WHOLE = Array.from({ length: 30 }, (_, k) => [1, 2, 5][k % 3] * 10 ** Math.floor(k / 3));

/** The values that are drawn: one that went out of hand (a loss of 1e30) would flatten all others; the table has it. */
function drawable({ values }: Series): (number | null)[] {
  return values.some((value) => value !== null && Math.abs(value) > LARGEST) ? values.map((value) => (value !== null && Math.abs(value) <= LARGEST ? value : null)) : values;
}

/** Where values stand without one beside them. */
function lonely(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values).flatMap((value, k) => (value != null && values[k - 1] == null && values[k + 1] == null ? [k] : []));
}

function drawStar(context: CanvasRenderingContext2D, x: number, y: number, colour: string): void {
  const size = 8 * devicePixelRatio;
  context.save();
  context.beginPath();
  for (let k = 0; k < 10; k++) {
    const radius = k % 2 ? size * 0.42 : size;
    const angle = (k * Math.PI) / 5 - Math.PI / 2;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = colour;
  context.strokeStyle = colourOf("--card");
  context.lineWidth = 2 * devicePixelRatio;
  context.stroke();
  context.fill();
  context.restore();
}

function options(props: GraphProps, width: number, latest: () => GraphProps): uPlot.Options {
  const ink = colourOf("--soft");
  const line = { stroke: colourOf("--line"), width: 1 };
  const format = props.format ?? plain;
  const scales = [...new Set(props.series.map((each) => each.scale ?? "y"))];
  return {
    width,
    height: props.height ?? 160,
    legend: { show: props.series.length > 1 && !props.noLegend, live: false, markers: { dash: (_, k) => (props.series[k - 1]?.dashed ? "dashed" : "solid") } },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: {
        time: false,
        range: ({ data: [x] }) => {
          const [from, to] = latest().rangeX ?? [x[0] ?? 0, x.at(-1) ?? 1];
          return [from, to > from ? to : from + 1];
        },
      },
      ...Object.fromEntries(scales.map((name) => [name, { ...(props.range?.[name] && { range: props.range[name] }), distr: props.logarithmic ? 3 : 1 }])),
    },
    axes: [
      { stroke: ink, grid: line, ticks: line, size: 30, font: "12px system-ui", values: props.formatX && ((_, values) => values.map(props.formatX!)), incrs: props.wholeX ? WHOLE : undefined },
      ...scales.map((name): uPlot.Axis => ({
        scale: name,
        side: name === "y" ? 3 : 1,
        stroke: ink,
        grid: name === "y" ? line : { show: false },
        ticks: line,
        size: (plot, labels) => {
          plot.ctx.font = `${12 * devicePixelRatio}px system-ui`;
          return Math.max(64, ...(labels ?? []).map((label) => 18 + plot.ctx.measureText(label).width / devicePixelRatio));
        },
        font: "12px system-ui",
        values: (_, values) => values.map((value) => (value === null ? "" : format(value, name))),
      })),
    ],
    series: [
      { label: props.xLabel },
      ...props.series.map((each, k): uPlot.Series => {
        const stroke = colourOf(each.colour ?? COLOURS[k % COLOURS.length]);
        return {
          label: each.label,
          scale: each.scale ?? "y",
          stroke,
          width: each.width ?? 2,
          dash: each.dashed ? [6, 4] : undefined,
          spanGaps: !each.gaps,
          points: each.gaps
            ? { show: true, size: 6, fill: stroke, filter: ({ data }) => lonely(data[k + 1]) }
            : { show: each.points ?? each.values.filter((value) => value !== null).length < 3, ...(each.points && { size: 6, fill: stroke }) },
          ...(each.fillTo !== undefined && { fill: stroke + "33", fillTo: each.fillTo }),
        };
      }),
    ],
    hooks: {
      draw: [
        (plot) => {
          for (const mark of latest().marks ?? []) drawStar(plot.ctx, plot.valToPos(mark.x, "x", true), plot.valToPos(mark.y, "y", true), colourOf(mark.colour));
        },
        (plot) => {
          const x = latest().at;
          if (x === undefined) return;
          const place = Math.round(plot.valToPos(x, "x", true));
          plot.ctx.save();
          plot.ctx.strokeStyle = colourOf("--ink");
          plot.ctx.lineWidth = devicePixelRatio;
          plot.ctx.beginPath();
          plot.ctx.moveTo(place, plot.bbox.top);
          plot.ctx.lineTo(place, plot.bbox.top + plot.bbox.height);
          plot.ctx.stroke();
          plot.ctx.restore();
        },
      ],
    },
  };
}

export function Graph(props: GraphProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [theme, setTheme] = useState(0);
  const [open, setOpen] = useState(false);
  const data = [props.x, ...props.series.map(drawable)] as uPlot.AlignedData;
  // a new plot only where what is drawn changes its kind; new numbers go into the old one
  const kind = JSON.stringify([props.series.map(({ values, ...rest }) => rest), props.range, props.height, props.logarithmic, props.wholeX, props.xLabel]);

  useEffect(() => {
    const watch = new MutationObserver(() => setTheme((count) => count + 1));
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = frame.current!;
    const made = new uPlot(options(latest.current, Math.max(120, element.clientWidth), () => latest.current), data, element);
    plot.current = made;
    made.over.addEventListener("click", () => {
      const index = made.cursor.idx;
      if (index !== null && index !== undefined) latest.current.onPick?.(latest.current.x[index]);
    });
    const watch = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height: latest.current.height ?? 160 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [kind, theme]);

  useEffect(() => plot.current?.setData(data), [props.x, props.rangeX?.join(), ...props.series.map((each) => each.values)]);
  useEffect(() => plot.current?.redraw(false), [props.at]);

  const format = props.format ?? plain;
  return (
    <figure class="graph">
      <div ref={frame} role="img" aria-label={props.label} class={props.onPick ? "pick" : ""} />
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{t("graph.table")}</summary>
        {open && (
          <div class="scrolled" tabIndex={0} role="group" aria-label={props.label}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{props.xLabel}</th>
                  {props.series.map((each) => <th scope="col" key={each.label}><span class="clamped" title={each.label}>{each.label}</span></th>)}
                </tr>
              </thead>
              <tbody>
                {props.x.map((x, row) => (
                  <tr key={x}>
                    <th scope="row">{props.formatX ? props.formatX(x) : x}</th>
                    {props.series.map((each) => {
                      const value = each.values[row];
                      return <td key={each.label}>{value === null || value === undefined ? "–" : format(value, each.scale ?? "y")}</td>;
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </figure>
  );
}
