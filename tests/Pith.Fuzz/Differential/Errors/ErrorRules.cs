using Pith.Ops;

namespace Pith.Fuzz.Differential.Errors;

/// <summary>How errors go through ops. Bounds are generous by small factors: what a wrong kernel does is far outside.</summary>
internal static class ErrorRules
{
    // Below this, numbers lose bits.
    private const float Denormal = 1e-36f;

    /// <summary>Half a unit in the last place of 1, for each element type; results are rounded to it.</summary>
    private static float Rounding(DataType type) => type switch
    {
        DataType.Float32 => 1.2e-7f,
        DataType.Float16 => 1e-3f,
        DataType.Float64 => 1.2e-7f, // kernels of other types may go through singles
        _ => 0,
    };

    /// <summary>The results of a node with their bounds.</summary>
    public static Bounded[] Apply(Node node, Bounded?[] operands, Tensor[] results)
    {
        if (results.Any(result => result.Length == 0)) return [.. results.Select(BoundedInterpreter.Exact)];
        return node.Op switch
        {
            Conv or ConvTranspose or MatMul or Gemm => [Products(node.Op, operands, results[0])],
            BatchNormalization => [Normalized(node.Op, operands, results[0])],
            Add or Sub or Sum or Mul => [Arithmetic(node.Op, operands, results[0])],
            AveragePool or GlobalAveragePool or ReduceMean or ReduceSum or Mean => [Means(node.Op, operands, results[0])],
            Transpose or Reshape or Flatten or Squeeze or Unsqueeze or Concat or Split or Slice or Gather or Expand or Tile or Identity or Dropout or Pad or DepthToSpace or SpaceToDepth => Moved(node.Op, operands, results),
            Relu or Max or Min or Clip or Abs or Neg or MaxPool or GlobalMaxPool or ReduceMax or ReduceMin or Floor or Ceil or Round or Sign or QuantizeLinear or DequantizeLinear or Not => Sampled(node.Op, operands, results, rounds: false),
            Where or And or Or or Xor or Greater or GreaterOrEqual or Less or LessOrEqual => Sampled(node.Op, operands, results, rounds: false),
            DynamicQuantizeLinear when !operands[0]!.Value.ConvertTo(DataType.Float32).As<float>().Data.All(value => Math.Abs(value) < 1e30f) => [.. results.Select(result => new Bounded(result, Unknown(result)))],
            ArgMax or ArgMin or DynamicQuantizeLinear or Equal => AllOrNothing(operands, results),
            Resize when node.Op is Resize { Mode: ResizeMode.Nearest } => Sampled(node.Op, operands, results, rounds: false),
            Cast { To: DataType.Bool } => AllOrNothing(operands, results),
            Cast cast when !cast.To.IsFloat() || !operands[0]!.Value.DataType.IsFloat() => Sampled(node.Op, operands, results, rounds: false),
            ConvInteger or MatMulInteger or ShapeOf or Size => AllOrNothing(operands, results),
            QLinearConv or QLinearMatMul => OneStep(operands, results),
            Softmax or LogSoftmax => [Shares(node.Op, operands[0]!, results[0])],
            LayerNormalization or InstanceNormalization or Lrn or ReduceL1 or ReduceL2 or ReduceSumSquare or ReduceProd or ReduceLogSum or ReduceLogSumExp => Perturbed(node.Op, operands, results),
            Resize => Perturbed(node.Op, operands, results),
            _ => Sampled(node.Op, operands, results, rounds: true),
        };
    }

    // Sums of products: the terms' magnitudes times the rounding of sums in any order. Winograd's transforms add neighbours, so that its error is one of the largest sum around.
    private static Bounded Products(Op op, Bounded?[] operands, Tensor result)
    {
        var magnitude = op is Gemm gemm ? (Op)(gemm with { Alpha = Math.Max(1, Math.Abs(gemm.Alpha)), Beta = Math.Abs(gemm.Beta) }) : op;
        var sums = Singles(magnitude.Evaluate([.. operands.Select(operand => operand is null ? null : Map(operand.Value, Math.Abs))], 1)[0]);
        var terms = (double)Terms(op, operands);
        var unit = operands[0]!.Unit * operands[1]!.Unit;
        if (op is Gemm g) unit = g.Alpha == 0 ? double.PositiveInfinity : unit * Math.Min(1, Units.Of(g.Alpha));
        if (operands.Length > 2 && operands[2] is { } bias) unit = Math.Min(unit, bias.Unit * (op is Gemm { Beta: not 0 } b ? Math.Min(1, Units.Of(b.Beta)) : 1));
        var largest = sums.Max();
        var winograd = MayBeWinograd(op, operands);
        var rounding = Array.ConvertAll(sums, sum => (float)((terms + (winograd ? 64 : 6)) * 6e-8) * (winograd ? largest : sum) + Denormal);
        // Kernels compute whole tiles, with zeros for weights and pixels that are not there; zero times infinity is NaN.
        if (!operands.All(operand => operand is null || IsFinite(operand)) || MayOverflow(largest)) return new Bounded(result, Unknown(result));
        var isExact = !winograd && operands.All(operand => operand?.Error is null) && Units.AreExact(unit, largest);
        var error = new float[sums.Length];
        if (!isExact)
        {
            Accumulate(error, rounding);
            for (var i = 0; i < operands.Length; i++)
            {
                if (operands[i]?.Error is not { } off) continue;
                var changed = operands.Select((operand, j) => operand is null ? null : j == i ? Like(operand.Value, off) : Map(operand.Value, Math.Abs)).ToArray();
                // Only the part that this operand contributes.
                if (changed.Length > 2 && changed[2] is not null && i != 2) changed[2] = Map(changed[2]!, _ => 0);
                if (i == 2) changed[0] = Map(changed[0]!, _ => 0);
                Accumulate(error, Singles(magnitude.Evaluate(changed, 1)[0]));
            }
            // Both factors may be off at once.
            if (operands[0]!.Error is { } left && operands[1]!.Error is { } right)
                Accumulate(error, Singles(magnitude.Evaluate([Like(operands[0]!.Value, left), Like(operands[1]!.Value, right), .. operands.Skip(2).Select(operand => operand is null ? null : Map(operand.Value, _ => 0))], 1)[0]));
        }
        return new Bounded(result, error) { Refolding = rounding, Terms = terms, Unit = unit, Magnitude = largest };
    }

    // Sums of finite numbers that are not.
    private static bool MayOverflow(double magnitude) => !(magnitude < float.MaxValue / 16);

    private static bool IsFinite(Bounded operand) => Singles(operand.Value).All(float.IsFinite) && (operand.Error is null || operand.Error.All(float.IsFinite));

    private static bool MayBeWinograd(Op op, Bounded?[] operands) =>
        op is Conv { Groups: 1 } conv && operands[1]!.Value.Shape is { Rank: 4 } shape && shape[2] == 3 && shape[3] == 3 && Math.Min(shape[0], shape[1]) >= 24 && conv.Window.Strides.All(stride => stride == 1) && conv.Window.Dilations.Count == 0;

    private static int Terms(Op op, Bounded?[] operands) => op switch
    {
        Conv => operands[1]!.Value.Length / Math.Max(1, operands[1]!.Value.Shape[0]),
        ConvTranspose => operands[1]!.Value.Length / Math.Max(1, operands[1]!.Value.Shape[1]),
        Gemm gemm => operands[0]!.Value.Shape[gemm.TransA ? 0 : 1],
        _ => operands[0]!.Value.Shape.Rank == 0 ? 1 : operands[0]!.Value.Shape[-1],
    };

    // y = (x - mean) * (scale / sqrt(variance + epsilon)) + bias, which is folded into the layer before.
    private static Bounded Normalized(Op op, Bounded?[] operands, Tensor result)
    {
        var norm = (BatchNormalization)op;
        var (gamma, beta, mean, variance) = (Singles(operands[1]!.Value), Singles(operands[2]!.Value), Singles(operands[3]!.Value), Singles(operands[4]!.Value));
        var (x, inner) = (Singles(operands[0]!.Value), operands[0]!.Value.Shape.LengthOf(2, operands[0]!.Value.Shape.Rank));
        // What overflows on the way of one formula does not on that of another.
        if (operands.Skip(1).Any(operand => Units.Largest(operand!.Value) > 1e30)) return new Bounded(result, Unknown(result));
        var factors = gamma.Select((g, c) => g / Math.Sqrt((double)variance[c] + norm.Epsilon)).ToArray();
        var offsets = beta.Select((b, c) => b - mean[c] * factors[c]).ToArray();
        var (refold, error) = (Refolding(operands[0]!), new float[result.Length]);
        // The offset becomes the start of the sum that it is folded into, and is rounded as often as that.
        var perOffset = Math.Max(3e-7, 6e-8 * operands[0]!.Terms);
        for (var i = 0; i < error.Length; i++)
        {
            var c = i / inner % gamma.Length;
            refold[i] = (float)(Math.Abs(factors[c]) * (refold[i] + 3e-7 * Math.Abs(x[i])) + perOffset * (Math.Abs(beta[c]) + Math.Abs(mean[c] * factors[c])) + Denormal);
            error[i] = (float)(Math.Abs(factors[c]) * (operands[0]!.Error?[i] ?? 0)) + refold[i];
        }
        var unit = Math.Min(operands[0]!.Unit * factors.Min(Units.Of), offsets.Min(Units.Of));
        var magnitude = operands[0]!.Magnitude * factors.Max(Math.Abs) + offsets.Max(Math.Abs);
        var isExact = operands[0]!.Error is null && factors.All(double.IsFinite) && Units.AreExact(unit, magnitude);
        return new Bounded(result, isExact ? null : error) { Refolding = refold, Unit = unit, Magnitude = magnitude };
    }

    private static Bounded Arithmetic(Op op, Bounded?[] operands, Tensor result)
    {
        if (!result.DataType.IsFloat()) return Sampled(op, operands, [result], rounds: false)[0];
        var isProduct = op is Mul;
        var unit = operands.Select(operand => operand!.Unit).Aggregate((a, b) => isProduct ? a * b : Math.Min(a, b));
        var magnitude = operands.Select(operand => operand!.Magnitude).Aggregate((a, b) => isProduct ? a * b : a + b);
        // Constants beside sums may be folded into them: what that changes goes through the op like an error.
        var refold = Largest(Deviations(op, [.. operands.Select(operand => Refolding(operand!))], operands, [result])[0], Magnitudes(op, operands, result));
        var isExact = operands.All(operand => operand!.Error is null) && Units.AreExact(unit, magnitude) && result.DataType != DataType.Float16;
        if (isExact) return new Bounded(result) { Refolding = refold, Unit = unit, Magnitude = magnitude };
        var error = Deviations(op, [.. operands.Select(operand => operand!.Error)], operands, [result])[0];
        Accumulate(error, refold);
        return new Bounded(result, error) { Refolding = refold, Unit = unit, Magnitude = magnitude };
    }

    // The rounding of a result whose operands are large and cancel.
    private static float[] Magnitudes(Op op, Bounded?[] operands, Tensor result)
    {
        var positive = op is Sub ? new Add() : op;
        var magnitudes = Singles(positive.Evaluate([.. operands.Select(operand => Map(operand!.Value, Math.Abs))], 1)[0]);
        var rounding = Rounding(result.DataType) * (float)operands.Max(operand => operand!.Terms);
        for (var i = 0; i < magnitudes.Length; i++) magnitudes[i] = magnitudes[i] * rounding + (rounding > 0 ? Denormal : 0);
        return magnitudes;
    }

    private static Bounded Means(Op op, Bounded?[] operands, Tensor result)
    {
        if (!result.DataType.IsFloat()) return AllOrNothing(operands, [result])[0];
        var terms = Math.Max(1, operands[0]!.Value.Length / Math.Max(1, result.Length));
        var error = Singles(op.Evaluate([.. operands.Select(operand => operand is null ? null : operand.Value.DataType.IsFloat() ? Map(operand.Value, Math.Abs) : operand.Value)], 1)[0]);
        if (MayOverflow((double)error.Max() * terms)) return new Bounded(result, Unknown(result));
        for (var i = 0; i < error.Length; i++) error[i] = error[i] * (terms + 8) * Rounding(result.DataType) + Denormal;
        if (operands.Any(operand => operand?.Error is not null))
            Accumulate(error, Singles(op.Evaluate([.. operands.Select(operand => operand is null ? null : operand.Value.DataType.IsFloat() ? Like(operand.Value, operand.Error ?? new float[operand.Value.Length]) : operand.Value)], 1)[0]));
        var isSum = op is ReduceSum && operands[0]!.Error is null && Units.AreExact(operands[0]!.Unit, operands[0]!.Magnitude * terms);
        return new Bounded(result, isSum ? null : error) { Unit = isSum ? operands[0]!.Unit : 0, Magnitude = operands[0]!.Magnitude * terms };
    }

    // Moves the bounds like the elements.
    private static Bounded[] Moved(Op op, Bounded?[] operands, Tensor[] results)
    {
        var data = op is Concat ? operands.Length : 1;
        float[][]? Move(Func<Bounded, float[]?> of)
        {
            if (operands.Take(data).All(operand => of(operand!) is null)) return null;
            var moved = operands.Select((operand, i) => operand is null ? null : i < data ? (Tensor)Tensor.Create(operand.Value.Shape, of(operand) ?? new float[operand.Value.Length]) : op is Pad && i == 2 ? Tensor.Scalar(0f) : operand.Value).ToArray();
            return [.. op.Evaluate(moved, results.Length).Select(Singles)];
        }
        var (errors, refolds) = (Move(operand => operand.Error), Move(operand => operand.Refolding));
        var unit = operands.Take(data).Min(operand => operand!.Unit);
        if (op is Pad) unit = Math.Min(unit, results.Min(Units.Of));
        return [.. results.Select((result, i) => new Bounded(result, errors?[i]) { Refolding = refolds?[i], Unit = unit, Magnitude = operands.Take(data).Max(operand => operand!.Magnitude) + (op is Pad ? Units.Largest(result) : 0) })];
    }

    // Ops of single elements, and extrema: evaluated at the ends of the operands' intervals and between.
    private static Bounded[] Sampled(Op op, Bounded?[] operands, Tensor[] results, bool rounds)
    {
        var errors = Deviations(op, [.. operands.Select(operand => operand?.Error)], operands, results);
        // What may have overflowed on the way may be NaN.
        if (operands.Any(operand => operand?.Error is not null && (Units.Largest(operand.Value) > 1e30 || operand.Error.Any(error => error > 1e30f)))) return [.. results.Select(result => new Bounded(result, Unknown(result)))];
        // Which of a number and NaN is larger depends on their order; simulated quantization passes NaN on, so that training sees it.
        if (op is Max or Min or MaxPool or GlobalMaxPool or ReduceMax or ReduceMin or Clip or QuantizeLinear && operands.Any(operand => operand is not null && Singles(operand.Value).Any(float.IsNaN))) return [.. results.Select(result => new Bounded(result, Unknown(result)))];
        for (var i = 0; i < results.Length; i++)
        {
            if (!rounds) continue;
            var (values, rounding) = (Singles(results[i]), Rounding(results[i].DataType) * 8);
            // Results near 0 may be differences of numbers of the size of 1, or products with a factor that is.
            var differences = op is Elu or Selu or Celu or Gelu or Softplus or Erf or Tanh or Exp or Log or HardSigmoid or HardSwish or Sigmoid;
            for (var k = 0; k < values.Length; k++) errors[i][k] += Math.Max(Math.Abs(values[k]), differences ? 1 : 0) * rounding + (rounding > 0 ? Denormal : 0);
        }
        // A window over nothing but padding has no largest element; a bound that is absent may be the largest finite number.
        if (op is MaxPool or Clip) MarkUndefined(results, errors);
        // Which of two equal numbers is the largest.
        if (op is MaxPool && results.Length > 1 && operands[0]!.Error is not null) errors[1] = Unknown(results[1]);
        // Integer layers multiply scales, not the numbers that they stand for: 127 steps of a float next to 1/127 are 1, their scale is of no coarse unit.
        var ofScale = op is DequantizeLinear ? Units.Of(operands[1]!.Value) : double.PositiveInfinity;
        return [.. results.Select((result, i) => new Bounded(result, errors[i]) { Unit = Math.Min(Units.Of(result), ofScale), Magnitude = Units.Largest(result) })];
    }

    private static void MarkUndefined(Tensor[] results, float[][] errors)
    {
        for (var i = 0; i < results.Length; i++)
        {
            var values = Singles(results[i]);
            for (var k = 0; k < values.Length; k++)
                if (!float.IsFinite(values[k]) || (results[i].DataType == DataType.Int64 && values[k] < 0)) errors[i][k] = float.PositiveInfinity;
        }
    }

    // exp(x) over the sum of a row's exponentials: what each x is off is what its exponential is off relatively, and so is the sum.
    private static Bounded Shares(Op op, Bounded logits, Tensor result)
    {
        var off = Units.Largest(logits.Value) * 1e-6 + (logits.Error?.Max() ?? 0);
        if (!(off < 1)) return new Bounded(result, Unknown(result));
        var (relative, rounding) = (Math.Exp(2 * off) - 1, Rounding(result.DataType) * 16);
        return new Bounded(result, Array.ConvertAll(Singles(result), value => op is Softmax ? (float)(value * (relative + rounding)) + Denormal : (float)(2 * off + rounding * (Math.Abs(value) + 1))));
    }

    // Everything that depends on all elements of a row: random directions within the intervals, with a margin.
    private static Bounded[] Perturbed(Op op, Bounded?[] operands, Tensor[] results)
    {
        // Squares of these are not finite.
        if (Units.Largest(operands[0]!.Value) > 1e15) return [.. results.Select(result => new Bounded(result, Unknown(result)))];
        var random = new Random(1);
        var error = new float[results[0].Length];
        var values = Singles(results[0]);
        // Means of equal numbers are off by a rounding, which a small epsilon magnifies.
        var least = Units.Largest(operands[0]!.Value) * (op is LayerNormalization or InstanceNormalization ? 3e-6 : 1e-6);
        for (var n = 0; n < 8; n++)
        {
            var moved = operands.Select((operand, i) => operand is null || !operand.Value.DataType.IsFloat() || (i > 0 && operand.Error is null) ? operand?.Value
                : Shifted(operand.Value, k => (random.Next(2) * 2 - 1) * Math.Max(operand.Error?[k] ?? 0, least))).ToArray();
            var other = Singles(op.Evaluate(moved, results.Length)[0]);
            for (var k = 0; k < error.Length; k++) error[k] = Math.Max(error[k], Off(other[k], values[k]) * 6);
        }
        var rounding = Rounding(results[0].DataType) * 16;
        var largest = (float)Units.Largest(results[0]);
        for (var k = 0; k < error.Length; k++) error[k] += rounding * Math.Max(Math.Abs(values[k]), op is LayerNormalization or InstanceNormalization or Resize or ReduceLogSumExp or ReduceLogSum ? Math.Max(largest, 0.1f) : 0) + Denormal;
        if (op is InstanceNormalization or LayerNormalization)
        {
            // The mean may be subtracted after the scale: then what cancels is the element over the smallest deviation.
            var epsilon = op is InstanceNormalization instance ? instance.Epsilon : ((LayerNormalization)op).Epsilon;
            var cancelled = (float)(Units.Largest(operands[0]!.Value) * Units.Largest(operands[1]!.Value) / Math.Sqrt(epsilon)) * 4e-7f;
            for (var k = 0; k < error.Length; k++) error[k] += cancelled;
        }
        return [new Bounded(results[0], error), .. results.Skip(1).Select(result => new Bounded(result, Unknown(result)))];
    }

    private static Bounded[] AllOrNothing(Bounded?[] operands, Tensor[] results) =>
        [.. results.Select(result => operands.All(operand => operand?.Error is null) ? BoundedInterpreter.Exact(result) : new Bounded(result, Unknown(result)))];

    // A file's QLinear ops are read as Q/DQ around float ops: where a sum lies between two integers, the two round differently.
    private static Bounded[] OneStep(Bounded?[] operands, Tensor[] results) =>
        operands.All(operand => operand?.Error is null) ? [new Bounded(results[0], [.. Enumerable.Repeat(1f, results[0].Length)]) { Unit = 1, Magnitude = Units.Largest(results[0]) }] : AllOrNothing(operands, results);

    private static float[] Unknown(Tensor result)
    {
        var error = new float[result.Length];
        Array.Fill(error, float.PositiveInfinity);
        return error;
    }

    // The largest change of each result when the operands move by up to their errors, each up or down or half of it, and those that may be 0 to 0, where quotients and signs jump.
    private static float[][] Deviations(Op op, float[]?[] errors, Bounded?[] operands, Tensor[] results)
    {
        var worst = results.Select(result => new float[result.Length]).ToArray();
        if (errors.All(error => error is null)) return worst;
        var values = results.Select(Singles).ToArray();
        for (var corner = 0; corner < 9; corner++)
        {
            var moved = operands.Select((operand, i) => operand is null || errors[i] is not { } error ? operand?.Value
                : corner == 8 ? Zeroed(operand.Value, error) : Shifted(operand.Value, k => error[k] * ((corner >> Math.Min(i, 1) & 1) * 2 - 1) * (corner < 4 ? 1 : 0.5))).ToArray();
            var shifted = op.Evaluate(moved, results.Length);
            for (var r = 0; r < results.Length; r++)
            {
                var other = Singles(shifted[r]);
                for (var k = 0; k < other.Length; k++) worst[r][k] = Math.Max(worst[r][k], Off(other[k], values[r][k]));
            }
        }
        // The interval's ends are themselves rounded.
        foreach (var result in worst) for (var k = 0; k < result.Length; k++) result[k] *= 1.01f;
        return worst;
    }

    private static float Off(float a, float b) => a.Equals(b) ? 0 : float.IsFinite(a) && float.IsFinite(b) ? Math.Abs(a - b) : float.PositiveInfinity;

    private static Tensor Zeroed(Tensor tensor, float[] error)
    {
        if (tensor is Tensor<bool>) return tensor;
        var values = Bounded.Doubles(tensor).ToArray();
        return Shifted(tensor, k => Math.Abs(values[k]) <= error[k] ? -values[k] : 0);
    }

    private static float[] Refolding(Bounded operand)
    {
        if (operand.Refolding is { } refolding) return [.. refolding];
        var (values, rounding) = (Singles(operand.Value), Rounding(operand.Value.DataType));
        for (var i = 0; i < values.Length; i++) values[i] = Math.Abs(values[i]) * rounding;
        return values;
    }

    private static void Accumulate(float[] sum, float[] terms)
    {
        for (var i = 0; i < sum.Length; i++) sum[i] += float.IsNaN(terms[i]) ? float.PositiveInfinity : terms[i];
    }

    private static float[] Largest(float[] a, float[] b) => [.. a.Zip(b, Math.Max)];

    private static Tensor Map(Tensor tensor, Func<double, double> function) => Shifted(tensor, null, function);

    private static Tensor Shifted(Tensor tensor, Func<int, double> by) => Shifted(tensor, by, null);

    private static Tensor Shifted(Tensor tensor, Func<int, double>? by, Func<double, double>? function)
    {
        if (tensor is Tensor<bool> booleans) return by is null ? tensor : Tensor.Create(tensor.Shape, [.. booleans.Data.Select((value, i) => by(i) == 0 ? value : by(i) > 0)]);
        var values = Bounded.Doubles(tensor).ToArray();
        for (var i = 0; i < values.Length; i++) values[i] = by is not null ? Moved(values[i], by(i)) : function!(values[i]);
        // Integers stay within their type.
        if (!tensor.DataType.IsFloat() && tensor.DataType is not (DataType.Int32 or DataType.Int64 or DataType.UInt32 or DataType.UInt64))
        {
            var (min, max) = AffineQuantization.RangeOf(tensor.DataType);
            for (var i = 0; i < values.Length; i++) values[i] = Math.Clamp(Math.Round(values[i]), min, max);
        }
        return Tensor.Create(tensor.Shape, values).ConvertTo(tensor.DataType);
    }

    // What may be anything may be finite where the interpreter has NaN.
    private static double Moved(double value, double by) => double.IsInfinity(by) ? by : value + by;

    private static Tensor Like(Tensor tensor, float[] values) => Tensor.Create(tensor.Shape, values).ConvertTo(tensor.DataType);

    private static float[] Singles(Tensor tensor) => [.. tensor.ConvertTo(DataType.Float32).As<float>().Data];
}
