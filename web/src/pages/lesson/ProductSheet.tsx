// How one value of a map comes about, with numbers: window times filter, summed; normalised; cut at zero.
import { css, diverging, inkOn } from "../../lib/colours";
import { toVertex } from "../../lib/coords";
import { Sideways } from "../../parts/Sideways";
import { t } from "../../lib/text";
import type { LayerInside, NetworkInside, PointProducts, Window } from "./messages";
import { inputName } from "./Network";
import { short } from "./numbers";

/** Inputs that are shown one by one: those that matter most. */
const SHOWN = 4;

function Grid({ values, side, label }: { values: readonly number[]; side: number; label: string }) {
  const most = Math.max(1e-9, ...values.map(Math.abs));
  // the lowest row comes first, and is drawn last
  const rows = Array.from({ length: side }, (_, k) => values.slice((side - 1 - k) * side, (side - k) * side));
  return (
    <table class="numbers">
      <caption>{label}</caption>
      <tbody>
        {rows.map((row, k) => (
          <tr key={k}>
            {row.map((value, m) => {
              const colour = diverging(value / most);
              return (
                <td key={m} style={{ background: css(colour), color: inkOn(colour) }}>
                  {value === 0 ? "0" : Math.abs(value) < 10 ? value.toFixed(2).replace("-", "−") : short(value)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function One({ name, window, kernel }: { name: string; window: Window; kernel: number }) {
  const products = window.window.map((value, k) => value * window.filter[k]);
  return (
    <div class="product">
      <h3>{name}</h3>
      <div class="factors">
        <Grid values={window.window} side={kernel} label={t("products.window")} />
        <span class="sign" aria-hidden="true">×</span>
        <Grid values={window.filter} side={kernel} label={t("products.filter")} />
        <span class="sign" aria-hidden="true">=</span>
        <Grid values={products} side={kernel} label={t("products.products")} />
        <span class="sum">{t("products.sum", { sum: short(window.sum) })}</span>
      </div>
    </div>
  );
}

export interface ProductSheetProps {
  network: NetworkInside;
  layer: LayerInside;
  map: number;
  point: number;
  products: PointProducts;
  stale: boolean;
}

export function ProductSheet({ network, layer, map, point, products, stale }: ProductSheetProps) {
  const order = [...products.windows].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const shown = order.slice(0, SHOWN);
  const rest = order.slice(SHOWN);
  const restSum = rest.reduce((sum, each) => sum + each.sum, 0);
  const normalised = (products.total + products.bias) * products.scale + products.shift;
  return (
    <section class={stale ? "card products stale" : "card products"} aria-labelledby="products">
      <h2 id="products">{t("products.title", { map, point: toVertex(point), kernel: layer.kernel })}</h2>
      <table class="steps">
        <tbody>
          {shown.map((each) => (
            <tr key={each.input}><th scope="row">{t("products.of", { name: inputName(network, layer, each.input) })}</th><td>{short(each.sum)}</td></tr>
          ))}
          {rest.length > 0 && <tr><th scope="row">{t("products.rest", { count: rest.length })}</th><td>{short(restSum)}</td></tr>}
          <tr class="total"><th scope="row">{t("products.total")}</th><td>{short(products.total)}</td></tr>
          {products.bias !== 0 && <tr><th scope="row">{t("products.bias")}</th><td>{short(products.bias)}</td></tr>}
          {layer.normalised && (
            <tr><th scope="row">{t("products.norm", { scale: short(products.scale), shift: short(products.shift) })}</th><td>{short(normalised)}</td></tr>
          )}
          {products.relu && <tr><th scope="row">{t("products.relu")}</th><td>{short(Math.max(0, normalised))}</td></tr>}
          <tr class="total"><th scope="row">{t("products.value")}</th><td><output>{short(products.value)}</output></td></tr>
        </tbody>
      </table>
      {!products.relu && <p class="soft">{t("products.noRelu")}</p>}
      <Sideways class="windows" label={t("products.windows")}>
        {shown.map((each) => <One key={each.input} name={inputName(network, layer, each.input)} window={each} kernel={layer.kernel} />)}
      </Sideways>
    </section>
  );
}
