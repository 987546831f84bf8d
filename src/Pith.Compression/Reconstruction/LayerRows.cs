using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>The fake-quantized weights of a layer as rows, with the step of each row and what 2:4 sparsity leaves of it. Belongs to the graph that it was read from until <see cref="Write"/>.</summary>
internal sealed class LayerRows
{
    // Sums of weights and biases may grow this much before a scale has to become shorter.
    private const double Margin = 1.1;

    private readonly LinearLayer _layer;
    private readonly QuantizationSettings _settings;
    private readonly Node _quantize, _dequantize;
    private readonly float[] _scales;
    private readonly bool _isSparse;

    private LayerRows(LinearLayer layer, Node original, QuantizationSettings settings)
    {
        (_layer, _settings) = (layer, settings);
        _dequantize = layer.Node.Inputs[layer.Weight.Index]!.Producer!;
        _quantize = _dequantize.Inputs[0]!.Producer!;
        _scales = [.. ((Tensor<float>)_quantize.Inputs[1]!.Constant!).Data];
        // Those of the float network: an earlier pass has rounded the layer's own.
        var constant = WeightOperand.Of(original)?.Constant.Constant is Tensor<float> weights && weights.Shape == layer.Weight.Shape ? weights : (Tensor<float>)layer.Weight.Constant.Constant!;
        Weights = new float[layer.Groups][];
        for (var group = 0; group < layer.Groups; group++)
        {
            Weights[group] = new float[Rows * Columns];
            for (var row = 0; row < Rows; row++)
                for (var column = 0; column < Columns; column++) Weights[group][row * Columns + column] = constant.Data[layer.IndexOf(group, row, column)];
        }
        _isSparse = layer.Channels % 4 == 0 && layer.Weight.OperandLayout.Reduction.FirstViolation<float>(constant.Span) is null;
    }

    /// <summary>Output channels of a group.</summary>
    public int Rows => _layer.Rows;

    /// <summary>Weights of an output channel.</summary>
    public int Columns => _layer.Columns;

    /// <summary>The float weights of each group, row-major.</summary>
    public float[][] Weights { get; }

    /// <summary>The rows of a layer whose weight goes through a pair.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="original">The same layer of the float network.</param>
    /// <param name="settings">Those that it was quantized with.</param>
    public static LayerRows Of(LinearLayer layer, Node original, QuantizationSettings settings)
    {
        var rows = new LayerRows(layer, original, settings);
        rows.Settle(rows.Weights, Margin);
        return rows;
    }

    /// <summary>The step of an output channel.</summary>
    public float ScaleOf(int group, int row) => _scales[_scales.Length == 1 ? 0 : group * Rows + row];

    /// <summary>Which weights of a row may be other than 0; empty: all. A weight that is 2:4 sparse stays as it is sparse.</summary>
    public bool[] KeptOf(int group, int row) => !_isSparse ? [] : Array.ConvertAll(Weights[group][(row * Columns)..((row + 1) * Columns)], weight => weight != 0);

    /// <summary>The weights rounded to the nearest step, which is what quantization does by itself.</summary>
    public float[][] Nearest() => [.. Weights.Select((weights, group) => weights.Select((weight, i) => Nearest(weight, ScaleOf(group, i / Columns))).ToArray())];

    /// <summary>Gives the layer other weights, and the biases that are best with them.</summary>
    /// <param name="graph">The layer's graph.</param>
    /// <param name="weights">Whole multiples of the steps.</param>
    /// <param name="objectives">Of each group.</param>
    public void Write(Graph graph, float[][] weights, LayerObjective[] objectives)
    {
        Settle(weights, 1, objectives);
        var tensor = Tensor.Zeros<float>(_layer.Weight.Shape);
        for (var group = 0; group < _layer.Groups; group++)
            for (var i = 0; i < weights[group].Length; i++)
                tensor.Data[_layer.IndexOf(group, i / Columns, i % Columns)] = Nearest(weights[group][i], ScaleOf(group, i / Columns));
        graph.SetConstant(_layer.Weight.Constant, tensor);
        var scales = (Tensor<float>)_quantize.Inputs[1]!.Constant!;
        if (!scales.Span.SequenceEqual(_scales))
        {
            var constant = graph.AddConstant($"{_layer.Weight.Constant.Name}/scale", Tensor.Create(scales.Shape, _scales));
            graph.ReplaceInput(_quantize, 1, constant);
            graph.ReplaceInput(_dequantize, 1, constant);
        }
        if (!_layer.TakesBias) return;
        var biases = new float[_layer.Groups * Rows];
        for (var i = 0; i < biases.Length; i++)
        {
            var (group, row) = Math.DivRem(i, Rows);
            biases[i] = (float)objectives[group].BiasOf(row, weights[group].AsSpan(row * Columns, Columns));
        }
        graph.SetConstantOperand(_layer.Node, 2, Tensor.Create(new Shape(biases.Length), biases), _layer.Node.Input(2)?.Name ?? $"{_layer.Node.Name}/bias");
    }

    // The sums that a scale has to fit depend on weights and bias, which change.
    private void Settle(float[][] weights, double margin, LayerObjective[]? objectives = null)
    {
        var input = ShortenWeightScales.InputOf(_layer.Node);
        var biases = (_layer.Node.Input(2)?.Constant as Tensor<float>)?.Data;
        for (var k = 0; k < _scales.Length; k++)
        {
            var rows = _scales.Length == 1 ? Enumerable.Range(0, _layer.Groups * Rows) : [k];
            var bias = rows.Max(row => objectives is null ? Math.Abs(biases?[row] ?? 0) : Math.Abs(objectives[row / Rows].BiasOf(row % Rows, weights[row / Rows].AsSpan(row % Rows * Columns, Columns))));
            double Magnitude() => rows.Sum(row => weights[row / Rows].Skip(row % Rows * Columns).Take(Columns).Sum(weight => (double)Math.Abs(weight)));
            _scales[k] = WeightScales.Settle(_scales[k], input, () => Magnitude() * margin, (float)(bias * margin), _settings);
        }
    }

    private float Nearest(float weight, float scale) => Math.Clamp(MathF.Round(weight / scale), -_settings.LargestWeight, _settings.LargestWeight) * scale;
}
