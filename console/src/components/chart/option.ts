/** A row of figures over the labels of a chart. */
export interface Series {
  name: string
  values: number[]
  /** Drawn as a thin line behind the others: the period before. */
  ghost?: boolean
  /** Its place among the colours, where it is not its own place. */
  colour?: number
}

/** What a chart shows. */
export interface ChartData {
  labels: string[]
  series: Series[]
  kind: 'bar' | 'line'
}

/** Colours of a theme. */
export interface Palette {
  ink: string
  soft: string
  line: string
  surface: string
  series: string[]
}

/** The chart as ECharts has it: the numbers as they are, nothing rounded. */
export function chartOption(data: ChartData, palette: Palette, show: (value: number) => string) {
  const axis = { axisLine: { lineStyle: { color: palette.line } }, axisTick: { show: false }, axisLabel: { color: palette.soft, fontSize: 11, hideOverlap: true } }
  return {
    animation: false,
    color: palette.series,
    grid: { left: 4, right: 8, top: 12, bottom: 2, containLabel: true },
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      backgroundColor: palette.surface,
      borderColor: palette.line,
      textStyle: { color: palette.ink, fontSize: 12 },
      valueFormatter: (value: unknown) => show(Number(value)),
    },
    xAxis: { type: 'category', data: data.labels, ...axis },
    yAxis: {
      type: 'value',
      // Of what is counted there is no half.
      minInterval: data.series.every(({ values }) => values.every((value) => Number.isInteger(value))) ? 1 : 0,
      ...axis,
      axisLabel: { ...axis.axisLabel, formatter: show },
      splitLine: { lineStyle: { color: palette.line } },
    },
    series: data.series.map((series) =>
      series.ghost
        ? { name: series.name, type: 'line', data: series.values, symbol: 'none', lineStyle: { type: 'dashed', width: 1.5, color: palette.soft }, itemStyle: { color: palette.soft } }
        : {
            name: series.name,
            type: data.kind,
            stack: data.kind === 'bar' ? 'all' : undefined,
            data: series.values,
            symbol: 'none',
            barMaxWidth: 28,
            itemStyle: series.colour === undefined ? undefined : { color: palette.series[series.colour] },
            lineStyle: { width: 2 },
          },
    ),
  }
}
