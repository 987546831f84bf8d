namespace Pith.Cli.Reporting.Html;

/// <summary>Style sheet and script of <see cref="GraphPage"/>.</summary>
internal static class GraphPageAssets
{
    public const string Css = """
        :root { --int8: #2f8f5b; --float32: #3f6fb5; --half: #8a5fb5; --other: #7a8290; --qdq: #c98a1b; --terminal: #4a5361; --fill: #fff; --back: #f4f6f9; --pick: #d0402b; }
        @media (prefers-color-scheme: dark) { :root { --int8: #3fa872; --float32: #5a8bd0; --half: #a67fd0; --other: #838c9b; --qdq: #d69a34; --terminal: #6b7687; --fill: #1d232c; --back: #11151a; --pick: #ff7a66; } }
        body { overflow: hidden; } main { max-width: none; padding: 0; height: 100vh; display: grid; grid-template: auto 1fr auto / 1fr auto; }
        header { grid-column: 1 / 3; display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; padding: 7px 12px; border-bottom: 1px solid var(--line); font-size: 13px; }
        header b { overflow-wrap: anywhere; } header button, header input { font: inherit; color: inherit; background: var(--fill); border: 1px solid var(--line); border-radius: 4px; padding: 2px 9px; }
        header button { cursor: pointer; } header button[aria-pressed=true] { background: var(--float32); border-color: var(--float32); color: #fff; } header input { width: 200px; } #found { color: var(--soft); min-width: 48px; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 12px; color: var(--soft); } .legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 5px; background: var(--c); }
        .int8 { --c: var(--int8); } .float32 { --c: var(--float32); } .half { --c: var(--half); } .other { --c: var(--other); } .qdq { --c: var(--qdq); } .terminal { --c: var(--terminal); } .legend .zeros { --c: var(--sparse); } .legend .time { --c: var(--pick); }
        #stage { position: relative; overflow: hidden; background: var(--back); touch-action: none; cursor: grab; } #stage.drag { cursor: grabbing; } .view { position: absolute; inset: 0; display: none; } .view.on { display: block; }
        svg.net { width: 100%; height: 100%; max-width: none; display: block; } svg.net text { font-size: 11.5px; pointer-events: none; } svg.net .shape { fill: var(--soft); font-size: 10px; }
        .node { cursor: pointer; outline: none; } .node .body { fill: var(--fill); stroke: var(--c); stroke-width: 1.2; } .node .head { fill: var(--c); } svg.net .node .t { fill: #fff; font-weight: 600; }
        .node:hover .body, .node:focus .body { stroke-width: 2.5; } .node.hit .body { stroke: var(--pick); stroke-width: 2.5; stroke-dasharray: 5 3; } .node.on .body { stroke: var(--pick); stroke-width: 3.5; } .searching .node:not(.hit) { opacity: .35; }
        .edge { fill: none; stroke: var(--soft); stroke-width: 1.3; opacity: .75; } .edge.on { stroke: var(--pick); stroke-width: 2.5; opacity: 1; }
        .track { fill: var(--line); } .zeros { fill: var(--sparse); } .time { fill: var(--pick); }
        aside { width: 340px; overflow: auto; border-left: 1px solid var(--line); padding: 10px 14px; font-size: 13px; } aside h2 { font-size: 14px; margin: 12px 0 2px; overflow-wrap: anywhere; } aside h2:first-child { margin-top: 0; }
        aside table { table-layout: auto; } aside td { white-space: normal; overflow-wrap: anywhere; vertical-align: top; padding: 3px 8px 3px 0; } aside td:first-child { color: var(--soft); min-width: 90px; max-width: 140px; } aside a { color: var(--dense); cursor: pointer; text-decoration: underline; }
        footer { grid-column: 1 / 3; margin: 0; padding: 3px 12px; border-top: 1px solid var(--line); font-size: 11px; } @media (max-width: 760px) { aside { width: 220px; } }
        """;

    public const string Script = """
        (() => {
          'use strict';
          const data = JSON.parse(document.getElementById('data').textContent);
          const stage = document.getElementById('stage'), panel = document.getElementById('panel'), find = document.getElementById('find'), found = document.getElementById('found');
          const views = [...document.querySelectorAll('.view')].map(box => {
            const svg = box.querySelector('svg');
            return { box, name: box.dataset.view, world: svg.querySelector('.world'), width: +svg.dataset.width, height: +svg.dataset.height, x: 0, y: 0, k: 0 };
          });
          let view = views[0], chosen = null, hits = [], hit = -1;

          const place = () => view.world.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.k})`);
          const clamp = k => Math.min(4, Math.max(0.02, k));
          const zoom = (factor, x, y) => {
            const k = clamp(view.k * factor);
            view.x = x - (x - view.x) * k / view.k;
            view.y = y - (y - view.y) * k / view.k;
            view.k = k;
            place();
          };
          const fit = whole => {
            const w = stage.clientWidth, h = stage.clientHeight;
            view.k = clamp(Math.min(1, w / view.width, whole ? h / view.height : 1));
            if (!whole) view.k = Math.max(view.k, 0.35);
            view.x = (w - view.width * view.k) / 2;
            view.y = whole ? Math.max(0, (h - view.height * view.k) / 2) : 0;
            // The first box stands in the middle of a drawing that is larger than the window.
            const first = view.world.querySelector('.node');
            if (!whole && first && (view.width * view.k > w || view.height * view.k > h)) view.x = w / 2 - centre(first).x * view.k;
            place();
          };
          const centre = node => {
            const at = node.transform.baseVal.getItem(0).matrix, body = node.querySelector('.body');
            return { x: at.e + body.width.baseVal.value / 2, y: at.f + body.height.baseVal.value / 2 };
          };
          const show = name => {
            view = views.find(other => other.name === name) || views[0];
            for (const other of views) other.box.classList.toggle('on', other === view);
            for (const button of document.querySelectorAll('.tabs button')) button.setAttribute('aria-pressed', button.dataset.view === view.name);
            if (!view.k) fit(false);
            search(false);
          };

          const table = section => {
            const heading = document.createElement('h2'), rows = document.createElement('table');
            heading.textContent = section.title;
            for (const row of section.rows) {
              const line = rows.insertRow(), key = line.insertCell(), text = line.insertCell();
              key.textContent = row.key;
              if (row.link) {
                const link = document.createElement('a');
                link.textContent = row.text;
                link.addEventListener('click', () => go(row.link));
                text.append(link);
              } else text.textContent = row.text;
            }
            panel.append(heading, rows);
          };
          const choose = id => {
            chosen = id;
            for (const on of document.querySelectorAll('.on.node, .on.edge')) on.classList.remove('on');
            panel.textContent = '';
            if (!id) { table(data.home); return; }
            document.getElementById(id).classList.add('on');
            for (const edge of document.querySelectorAll('.edge')) if (edge.dataset.f === id || edge.dataset.t === id) edge.classList.add('on');
            data.nodes[id].details.forEach(table);
            panel.scrollTop = 0;
          };
          const go = id => {
            const node = document.getElementById(id), owner = node.closest('.view').dataset.view;
            if (owner !== view.name) show(owner);
            if (view.k < 0.5) view.k = 0.8;
            const at = centre(node);
            view.x = stage.clientWidth / 2 - at.x * view.k;
            view.y = stage.clientHeight / 2 - at.y * view.k;
            place();
            choose(id);
          };
          const search = jump => {
            const words = find.value.trim().toLowerCase();
            hits = [];
            hit = -1;
            for (const node of view.world.querySelectorAll('.node')) {
              const known = data.nodes[node.id], is = words !== '' && (known.name.toLowerCase().includes(words) || known.title.toLowerCase().includes(words));
              node.classList.toggle('hit', is);
              if (is) hits.push(node.id);
            }
            view.box.classList.toggle('searching', words !== '');
            found.textContent = words === '' ? '' : `${hits.length} found`;
            if (jump && hits.length) next(1);
          };
          const next = step => {
            if (!hits.length) return;
            hit = (hit + step + hits.length) % hits.length;
            found.textContent = `${hit + 1} of ${hits.length}`;
            go(hits[hit]);
          };

          let start = null;
          stage.addEventListener('pointerdown', event => { start = { x: event.clientX, y: event.clientY, ox: view.x, oy: view.y, moved: false, node: event.target.closest('.node') }; stage.setPointerCapture(event.pointerId); });
          stage.addEventListener('pointermove', event => {
            if (!start) return;
            const dx = event.clientX - start.x, dy = event.clientY - start.y;
            if (Math.abs(dx) + Math.abs(dy) > 4) { start.moved = true; stage.classList.add('drag'); }
            if (start.moved) { view.x = start.ox + dx; view.y = start.oy + dy; place(); }
          });
          stage.addEventListener('pointerup', () => { if (start && !start.moved) choose(start.node ? start.node.id : null); start = null; stage.classList.remove('drag'); });
          stage.addEventListener('pointercancel', () => { start = null; stage.classList.remove('drag'); });
          stage.addEventListener('wheel', event => {
            event.preventDefault();
            const box = stage.getBoundingClientRect();
            if (event.ctrlKey || event.metaKey || !event.shiftKey && Math.abs(event.deltaX) < Math.abs(event.deltaY)) zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
            else { view.x -= event.deltaX; view.y -= event.deltaY; place(); }
          }, { passive: false });
          const middle = factor => zoom(factor, stage.clientWidth / 2, stage.clientHeight / 2);
          document.getElementById('in').addEventListener('click', () => middle(1.3));
          document.getElementById('out').addEventListener('click', () => middle(1 / 1.3));
          document.getElementById('fit').addEventListener('click', () => fit(true));
          for (const button of document.querySelectorAll('.tabs button')) button.addEventListener('click', () => show(button.dataset.view));
          find.addEventListener('input', () => search(false));
          find.addEventListener('keydown', event => { if (event.key === 'Enter') hits.length && hit >= 0 ? next(event.shiftKey ? -1 : 1) : search(true); });
          document.addEventListener('keydown', event => {
            if (event.key === 'Escape') { find.value = ''; search(false); find.blur(); choose(null); }
            if (event.target === find) return;
            if (event.key === '/') { event.preventDefault(); find.focus(); }
            else if (event.key === '+') middle(1.3);
            else if (event.key === '-') middle(1 / 1.3);
            else if (event.key === 'f') fit(true);
            else if (event.key === 'Enter' && document.activeElement && document.activeElement.classList.contains('node')) choose(document.activeElement.id);
          });
          show(views[0].name);
          choose(null);
          const wanted = decodeURIComponent(location.hash.slice(1));
          if (wanted && views.some(other => other.name === wanted)) show(wanted);
          else if (wanted && data.nodes[wanted]) go(wanted);
        })();
        """;
}
