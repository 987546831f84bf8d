using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Recognises GELU that an exporter wrote as ordinary ops: x/2 (1 + erf(x / √2)), or x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), in any order of its products. Every value on the way is
/// P(x) + Q(x) g, with polynomials P and Q and g the erf or tanh; the pattern is found when P = Q = x/2 and nothing else reads what lies between.
/// </summary>
internal static class GeluPattern
{
    // A node for each of the longest form: x³ by two products, its factor, the sum, its factor, tanh, the sum, two products.
    private const int MostNodes = 10;

    // Of what a constant should be: exporters round to float once or twice.
    private const double Tolerance = 1e-6;

    /// <summary>The activation of <paramref name="x"/>, the nodes that make it up in execution order and its result; null when there is none.</summary>
    /// <param name="x">The operand.</param>
    /// <param name="context">The graph.</param>
    /// <param name="swallows">Whether nothing else may read <paramref name="x"/>.</param>
    public static (Activation Activation, Node[] Nodes, Value Result)? Match(Value x, FusionContext context, bool swallows)
    {
        if (x.Type.DataType != DataType.Float32 || (swallows && context.IsVisible(x)) || x.Uses.Count < 2) return null;
        return new Walk(x, context, swallows).Find();
    }

    /// <summary>A value as P(x) + Q(x) g: coefficients by power.</summary>
    private sealed record Form(double[] P, double[] Q)
    {
        private const int Powers = 4;

        public static Form X { get; } = new([0, 1, 0, 0], new double[Powers]);

        public static Form G { get; } = new(new double[Powers], [1, 0, 0, 0]);

        public static Form Constant(double value) => new([value, 0, 0, 0], new double[Powers]);

        public bool HasG => Q.Any(factor => factor != 0);

        public double? AsConstant => HasG || P.Skip(1).Any(factor => factor != 0) ? null : P[0];

        public bool IsGelu => Matches(P, 0, 0.5, 0, 0) && Matches(Q, 0, 0.5, 0, 0);

        public static Form operator +(Form left, Form right) => new([.. left.P.Zip(right.P, (a, b) => a + b)], [.. left.Q.Zip(right.Q, (a, b) => a + b)]);

        public Form Times(double factor) => new([.. P.Select(a => a * factor)], [.. Q.Select(a => a * factor)]);

        /// <summary>Null when the product has g² or a higher power than the third.</summary>
        public static Form? Multiply(Form left, Form right)
        {
            if (left.HasG && right.HasG) return null;
            var (p, q) = (new double[Powers], new double[Powers]);
            return Add(left.P, right.P, p) && Add(left.P, right.Q, q) && Add(left.Q, right.P, q) ? new Form(p, q) : null;
        }

        public static bool Matches(double[] polynomial, params ReadOnlySpan<double> wanted)
        {
            for (var i = 0; i < wanted.Length; i++)
                if (!(Math.Abs(polynomial[i] - wanted[i]) <= Math.Abs(wanted[i]) * Tolerance)) return false;
            return true;
        }

        private static bool Add(double[] left, double[] right, double[] sum)
        {
            for (var i = 0; i < Powers; i++)
                for (var j = 0; j < Powers; j++)
                {
                    if (left[i] * right[j] == 0) continue;
                    if (i + j >= Powers) return false;
                    sum[i + j] += left[i] * right[j];
                }
            return true;
        }
    }

    private sealed class Walk(Value x, FusionContext context, bool swallows)
    {
        private readonly Dictionary<Value, Form> _forms = new(ReferenceEqualityComparer.Instance) { [x] = Form.X };
        private readonly List<Node> _nodes = [];
        private readonly HashSet<Node> _others = new(ReferenceEqualityComparer.Instance);
        private ActivationKind? _kind;

        public (Activation, Node[], Value)? Find()
        {
            while (_nodes.Count < MostNodes && Next() is { } node)
            {
                if (context.IsTaken(node) || node.Outputs.Count != 1 || !context.SameShape(node.Output, x) || FormOf(node) is not { } form)
                {
                    // What reads x only may be something else.
                    if (swallows || node.Inputs.Any(input => input is not null && !ReferenceEquals(input, x) && _forms.ContainsKey(input))) return null;
                    _others.Add(node);
                    continue;
                }
                _nodes.Add(node);
                _forms.Add(node.Output, form);
                if (form.IsGelu) return Closes(node.Output) ? (Activation.Default(_kind!.Value), [.. _nodes], node.Output) : null;
                if (context.IsVisible(node.Output)) return null;
            }
            return null;
        }

        private Node? Next() => _forms.Keys.SelectMany(value => value.Uses).Select(use => use.Node).Where(node => !_nodes.Contains(node) && !_others.Contains(node)).MinBy(context.Order);

        // Nothing but the result is read from outside.
        private bool Closes(Value result) =>
            _forms.Keys.All(value => ReferenceEquals(value, result) || (ReferenceEquals(value, x) && !swallows) || value.Uses.All(use => _nodes.Contains(use.Node)));

        private Form? FormOf(Node node)
        {
            if (node.Op is Erf or Tanh) return Curve(node);
            if (node.Inputs.Count != 2 || Operand(node.Input(0)!) is not { } left || Operand(node.Input(1)!) is not { } right) return null;
            return node.Op switch
            {
                Add => left + right,
                Sub => left + right.Times(-1),
                Mul => Form.Multiply(left, right),
                Div when right.AsConstant is { } divisor && divisor != 0 => left.Times(1 / divisor),
                Pow when right.AsConstant == 2 => Form.Multiply(left, left),
                Pow when right.AsConstant == 3 && Form.Multiply(left, left) is { } square => Form.Multiply(square, left),
                _ => null,
            };
        }

        private Form? Operand(Value value) => _forms.TryGetValue(value, out var form) ? form : value.Constant is Tensor<float> { Length: 1 } constant ? Form.Constant(constant.Data[0]) : null;

        private Form? Curve(Node node)
        {
            var (operand, scale) = (_forms[node.Input(0)!], Math.Sqrt(2 / Math.PI));
            if (_kind is not null || operand.HasG) return null;
            _kind = node.Op is Erf && Form.Matches(operand.P, 0, Math.Sqrt(0.5), 0, 0) ? ActivationKind.Gelu
                : node.Op is Tanh && Form.Matches(operand.P, 0, scale, 0, 0.044715 * scale) ? ActivationKind.GeluTanh
                : null;
            return _kind is null ? null : Form.G;
        }
    }
}
