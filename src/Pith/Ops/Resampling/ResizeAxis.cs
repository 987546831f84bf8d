namespace Pith.Ops;

/// <summary>One input element that an output element is made from, and how much of it.</summary>
/// <param name="Input">The element's index along the axis.</param>
/// <param name="Weight">What it is multiplied by.</param>
public readonly record struct ResizeTap(int Input, double Weight);

/// <summary>Resizing along one axis: for each output element the input elements and weights that it is the sum of. Null: outside the region of interest.</summary>
internal sealed class ResizeAxis
{
    private readonly Resize _op;
    private readonly int _input;
    private readonly int _output;
    private readonly double _scale;
    private readonly (double Start, double End) _region;

    public ResizeAxis(Resize op, int input, int output, double scale, (double Start, double End) region)
    {
        (_op, _input, _output, _scale, _region) = (op, input, output, scale, region);
        Taps = [.. Enumerable.Range(0, output).Select(TapsOf)];
    }

    /// <summary>The elements that each output element is made from.</summary>
    public ResizeTap[]?[] Taps { get; }

    private ResizeTap[]? TapsOf(int output)
    {
        var position = Position(output);
        if (_op.Coordinates == ResizeCoordinates.TfCropAndResize && (position < 0 || position > _input - 1)) return null;
        return _op.Mode == ResizeMode.Nearest ? [new(Math.Clamp(Nearest(position), 0, _input - 1), 1)] : Interpolation(position);
    }

    /// <summary>Where output element <paramref name="i"/> lies between the input's elements.</summary>
    private double Position(int i) => _op.Coordinates switch
    {
        ResizeCoordinates.HalfPixel => (i + 0.5) / _scale - 0.5,
        ResizeCoordinates.HalfPixelSymmetric => _input / 2.0 * (1 - _output / (_scale * _input)) + (i + 0.5) / _scale - 0.5,
        ResizeCoordinates.PytorchHalfPixel => _output > 1 ? (i + 0.5) / _scale - 0.5 : 0,
        // As ONNX's own reference has it, with the output's size before rounding.
        ResizeCoordinates.AlignCorners => i == 0 ? 0 : i * (_input - 1.0) / (_scale * _input - 1),
        ResizeCoordinates.Asymmetric => i / _scale,
        _ => _output > 1
            ? _region.Start * (_input - 1) + i * (_region.End - _region.Start) * (_input - 1) / (_output - 1)
            : 0.5 * (_region.Start + _region.End) * (_input - 1),
    };

    private int Nearest(double position) => (int)(_op.Rounding switch
    {
        ResizeRounding.RoundPreferFloor => Math.Ceiling(position - 0.5),
        ResizeRounding.RoundPreferCeil => Math.Floor(position + 0.5),
        ResizeRounding.Floor => Math.Floor(position),
        _ => Math.Ceiling(position),
    });

    private ResizeTap[] Interpolation(double position)
    {
        // Against aliasing, the filter is widened to cover what one output element stands for.
        var stretch = _op.Antialias ? Math.Min(_scale, 1) : 1;
        var radius = (_op.Mode == ResizeMode.Linear ? 1 : 2) / stretch;
        var taps = new List<ResizeTap>();
        for (var i = (int)Math.Ceiling(position - radius); i <= (int)Math.Floor(position + radius); i++)
        {
            if (_op.ExcludeOutside && (i < 0 || i >= _input)) continue;
            taps.Add(new(Math.Clamp(i, 0, _input - 1), Filter(Math.Abs((i - position) * stretch))));
        }
        var sum = taps.Sum(tap => tap.Weight);
        return [.. taps.Select(tap => tap with { Weight = tap.Weight / sum })];
    }

    /// <summary>The filter's value at a distance in elements.</summary>
    private double Filter(double distance)
    {
        if (_op.Mode == ResizeMode.Linear) return Math.Max(0, 1 - distance);
        double a = _op.CubicCoefficient;
        if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
        return distance < 2 ? a * (((distance - 5) * distance + 8) * distance - 4) : 0;
    }
}
