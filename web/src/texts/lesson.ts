import { texts } from "./table";

/** The frame of the lecture: its stations, and what all of them have. */
export const lesson = texts({
  en: {
    "lesson.stations": "Stations of the lecture",
    "lesson.station": "Station {number} of {count}",
    "lesson.before": "Before: {title}",
    "lesson.next": "Next: {title}",
    "lesson.later": "This station comes with a later version of the program.",
    "lesson.1": "A neuron sees a field",
    "lesson.2": "Filters and their maps",
    "lesson.3": "Sharing",
    "lesson.4": "Pooling costs the board",
    "lesson.5": "A photograph bears pooling",
    "lesson.6": "Residual",
  },
  zh: {
    "lesson.stations": "講課的各站",
    "lesson.station": "第 {number} 站，共 {count} 站",
    "lesson.before": "上一站：{title}",
    "lesson.next": "下一站：{title}",
    "lesson.later": "這一站會在之後的版本提供。",
    "lesson.1": "神經元只看一個範圍",
    "lesson.2": "濾波器與特徵圖",
    "lesson.3": "參數共享",
    "lesson.4": "池化毀掉棋盤",
    "lesson.5": "照片經得起池化",
    "lesson.6": "殘差連接",
  },
});
