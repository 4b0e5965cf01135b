"""A curve of the loss while a network learns."""

import numpy as np
from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

_BLUE = "#4a90d9"  # seen on light and on dark
_MARGIN, _HEIGHT = 6, 110
_POINTS = 200  # of the curve at most; each is a mean


class LossPlot(QWidget):
    """Draws the loss of each iteration, with its first and last value in figures."""

    def __init__(self):
        super().__init__()
        self.losses: list[float] = []
        self.setMinimumHeight(_HEIGHT)
        self.setToolTip("Loss of the training: the lower, the better the network fits the images that it learns from")

    def show_losses(self, losses: list[float]) -> None:
        """Draw other losses."""
        self.losses = losses
        self.update()

    def paintEvent(self, event):
        """Draw; Qt calls it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        line = painter.fontMetrics().height()
        box = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN + line, -_MARGIN, -_MARGIN)
        painter.setPen(QPen(text, 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.drawLine(box.topLeft(), box.bottomLeft())
        losses = self._means()
        title = f"loss {losses[0]:.3g} → {losses[-1]:.3g}" if len(losses) else "loss"
        painter.drawText(QPointF(_MARGIN, _MARGIN + line * 0.7), title)
        if len(losses) > 1:
            columns = np.linspace(box.left(), box.right(), len(losses))
            rows = box.bottom() - losses / losses.max() * box.height()
            painter.setPen(QPen(QColor(_BLUE), 2))
            painter.drawPolyline(QPolygonF([QPointF(*point) for point in zip(columns, rows, strict=True)]))
        painter.end()

    def _means(self):
        count = min(len(self.losses), _POINTS)
        return (
            np.array([part.mean() for part in np.array_split(np.array(self.losses), count)]) if count else np.array([])
        )
