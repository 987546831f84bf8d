namespace Pith.Building;

/// <summary>Turns a graph into layers: fuses nodes, gives every value a slot and a layout, and puts reorders where layouts meet.</summary>
internal sealed class Lowering
{
    private readonly BatchShapes _shapes;
    private readonly List<Slot> _slots = [];
    private readonly List<Layer> _layers = [];

    // The layouts in which each value exists so far; the first is the one it was produced in.
    private readonly Dictionary<Value, List<Slot>> _slotsOf = new(ReferenceEqualityComparer.Instance);

    private readonly IReadOnlyCollection<Value> _observed;

    private Lowering(BatchShapes shapes, IReadOnlyCollection<Value> observed) => (_shapes, _observed) = (shapes, observed);

    /// <summary>Lowers <paramref name="graph"/>, which must be simplified already and is changed on the way.</summary>
    /// <exception cref="PithException">A shape is not known, or an observed name is not in the graph.</exception>
    public static LoweredNetwork Lower(Graph graph, EngineOptions options)
    {
        LoweringPasses.Run(graph, options);
        var observed = options.Observed.Select(name => graph.Find(name) ?? throw new PithException($"There is no value '{name}' in graph '{graph.Name}' to observe; it may have been simplified away.")).ToArray();
        var lowering = new Lowering(BatchShapes.Infer(graph, options.MaxBatch), observed);
        var inputs = graph.Inputs.Select(lowering.AddInput).ToArray();
        foreach (var fused in Fusion.Fuse(graph, observed, lowering._shapes, options)) lowering.Emit(fused);
        var outputs = graph.Outputs.Select(lowering.OutputSlot).ToArray();
        for (var i = 0; i < lowering._slots.Count; i++) lowering._slots[i].Index = i;
        var network = new LoweredNetwork(lowering._shapes, lowering._slots, lowering._layers, inputs, outputs, [.. observed.Select(value => lowering.SlotsOf(value)[0])]);
        if (options.Recompute is { } mode) network = Recomputation.Apply(network, mode);
        BorderPlanner.Plan(network);
        AddressLimits.Require(network);
        return network with { PerImage = ImagePrefix.Length(network) };
    }

    private Slot AddInput(Value value)
    {
        var slot = Add(value, SlotKind.Input, Layout.RowMajor);
        _slotsOf.Add(value, [slot]);
        return slot;
    }

    private void Emit(FusedNode fused)
    {
        var now = fused.Inputs.Select(input => input is null || input.Constant is not null ? (Layout?)null : SlotsOf(input)[0].Layout).ToArray();
        var inputs = fused.Inputs.Select((input, i) => input is null ? null : SlotIn(input, fused.Layouts.Input(i, now))).ToArray();
        // What somebody observes is written by a layer of its own; constants have memory only where layers read them.
        if (fused.IsView && !_observed.Contains(fused.Outputs[0]) && inputs[0]!.Kind != SlotKind.Constant)
        {
            _slotsOf.Add(fused.Outputs[0], [Add(fused.Outputs[0], SlotKind.Computed, fused.Layouts.Output(0, now), inputs[0])]);
            return;
        }
        var outputs = fused.Outputs.Select((output, i) => Add(output, SlotKind.Computed, fused.Layouts.Output(i, now))).ToArray();
        for (var i = 0; i < outputs.Length; i++) _slotsOf.Add(fused.Outputs[i], [outputs[i]]);
        if (fused.SeesRows)
        {
            inputs = [.. inputs.Select((input, i) => i is 1 or 2 || input is null ? input : Rows(input))];
            outputs = [.. outputs.Select(Rows)];
        }
        var parts = new LayerParts(fused.Name, fused.Nodes.Select(node => node.Name).ToValueList(), inputs, outputs, fused.Nodes.Sum(node => node.Op.Cost(node)));
        _layers.Add(fused.Create(parts));
    }

    private List<Slot> SlotsOf(Value value)
    {
        if (_slotsOf.TryGetValue(value, out var slots)) return slots;
        if (value.Constant is null) throw new InvalidOperationException($"'{value.Name}' is read before it is computed.");
        _slotsOf.Add(value, slots = []);
        return slots;
    }

    /// <summary>The slot that holds <paramref name="value"/> in <paramref name="layout"/>; a reorder is added when there is none yet.</summary>
    private Slot SlotIn(Value value, Layout layout)
    {
        layout = Slot.Canonical(layout, value.Type.DataType, ShapeOf(value));
        var slots = SlotsOf(value);
        if (slots.Find(slot => slot.Layout == layout) is { } found) return found;
        // Reorders have a row-major side.
        if (layout != Layout.RowMajor && value.Constant is null && slots[0].Layout != Layout.RowMajor) return Reordered(value, SlotIn(value, Layout.RowMajor), layout);
        Slot slot;
        if (value.Constant is not null)
        {
            slot = Add(value, SlotKind.Constant, layout);
        }
        else
        {
            return Reordered(value, slots[0], layout);
        }
        slots.Add(slot);
        return slot;
    }

    private Slot Reordered(Value value, Slot from, Layout layout)
    {
        var slot = Add(value, SlotKind.Computed, layout);
        var name = $"{value.Name}/{layout switch { Layout.RowMajor => "rowmajor", Layout.Tokens => "tokens", _ => "nhwc" }}";
        _layers.Add(PixelTableFusion.TryTurn(name, from, slot) ?? (Layer)new ReorderLayer { Name = name, Nodes = [], Inputs = [from], Outputs = [slot] });
        SlotsOf(value).Add(slot);
        return slot;
    }

    /// <summary>A row-major slot of its own for an output, so that the planner keeps it and the caller reads plain memory.</summary>
    private Slot OutputSlot(Value value)
    {
        var rowMajor = SlotIn(value, Layout.RowMajor);
        if (rowMajor is { Kind: SlotKind.Computed, View: null }) return rowMajor;
        var slot = Add(value, SlotKind.Computed, Layout.RowMajor);
        _layers.Add(new CopyLayer { Name = $"{value.Name}/copy", Nodes = [], Inputs = [rowMajor], Outputs = [slot] });
        return slot;
    }

    /// <summary>A slot of rank 3 and more as the matrix of its rows.</summary>
    private Slot Rows(Slot slot)
    {
        if (slot.Shape.Rank < 3 || slot.Kind == SlotKind.Constant) return slot;
        var channels = slot.Layout == Layout.ChannelsLast ? slot.Channels : slot.Shape[-1].Fixed;
        var rows = slot.Shape.IsFixed ? BatchSize.Of(checked((int)(slot.Shape.Elements(1) / channels))) : BatchSize.PerImage(checked((int)(slot.Shape.Elements(1) / channels)));
        var view = new Slot
        {
            Name = slot.Name,
            Kind = slot.Kind,
            DataType = slot.DataType,
            Shape = new BatchShape(ValueList.Create<BatchSize>([rows, channels])),
            Layout = slot.DataType.IsQuantized() ? Layout.ChannelsLast : Layout.RowMajor,
            View = slot,
        };
        _slots.Add(view);
        return view;
    }

    private BatchShape ShapeOf(Value value) => value.Constant is { } constant ? BatchShape.Fixed(constant.Shape) : _shapes.Of[value];

    private Slot Add(Value value, SlotKind kind, Layout layout, Slot? view = null)
    {
        var shape = ShapeOf(value);
        var slot = new Slot
        {
            Name = value.Name,
            Kind = kind,
            DataType = value.Type.DataType,
            Shape = shape,
            Layout = Slot.Canonical(layout, value.Type.DataType, shape),
            Constant = kind == SlotKind.Constant ? value.Constant : null,
            View = view,
        };
        _slots.Add(slot);
        return slot;
    }
}
